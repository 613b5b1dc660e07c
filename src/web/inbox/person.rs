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

/// POST …/fields: of those that the form holds, what was changed in it. What a colleague has changed meanwhile stays, and its author is told.
pub async fn fields(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let known = web.store.written_of(&form.conversation.page, &form.conversation.person).await?;
    let t = agent.lang.texts().desk;
    let (mut values, mut problems) = (Vec::with_capacity(FIELDS), Vec::new());
    for written in known {
        let FieldId(field) = written.field;
        let Some(text) = fields.given(&format!("field-{field}")) else { continue };
        let Some(value) = FieldValue::parse(text) else {
            let problem = fill(t.fields_long, &[("limit", &VALUE_CHARS.to_string())]);
            return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), Draft::default()).await;
        };
        match fields.given(&format!("was-{field}")) {
            Some(was) if was == value.as_str() => {}
            Some(was) if was != written.value && value.as_str() != written.value => {
                let said = [("name", written.name.as_str()), ("now", &written.value), ("yours", value.as_str())];
                problems.push(fill(t.fields_changed, &said));
            }
            _ => values.push((written.field, value)),
        }
    }
    web.store.write_fields(&form.conversation.page, &form.conversation.person, agent.user, &values).await?;
    if problems.is_empty() {
        return form.done().await;
    }
    form.back(StatusCode::CONFLICT, Some(problems.join(" ")), Draft::default()).await
}
