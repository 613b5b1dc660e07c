//! What agents write down about a person.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::composer::Draft;
use super::form::Form;
use super::visible::PostedTo;
use crate::store::fields::{FIELDS, FieldId, FieldValue, VALUE_CHARS};
use crate::web::State;
use crate::web::error::WebError;
use crate::web::text::fill;

/// POST …/fields: all fields that the form holds.
pub async fn fields(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let known = web.store.written_of(&form.conversation.page, &form.conversation.person).await?;
    let mut values = Vec::with_capacity(FIELDS);
    for FieldId(field) in known.into_iter().map(|written| written.field) {
        let Some(text) = fields.given(&format!("field-{field}")) else { continue };
        let Some(value) = FieldValue::parse(text) else {
            let problem = fill(agent.lang.texts().desk.fields_long, &[("limit", &VALUE_CHARS.to_string())]);
            return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), Draft::default()).await;
        };
        values.push((FieldId(field), value));
    }
    web.store.write_fields(&form.conversation.page, &form.conversation.person, agent.user, &values).await?;
    form.done().await
}
