//! What agents write down about a person.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::composer::Draft;
use super::form::Form;
use super::visible::PostedTo;
use crate::store::fields::{FIELDS, FieldId, FieldValue, VALUE_CHARS, Written};
use crate::web::State;
use crate::web::error::WebError;
use crate::web::posted::Fields;
use crate::web::presence;
use crate::web::text::fill;

/// POST …/fields: of those that the form holds, what was changed in it. What a colleague has changed meanwhile stays, and its author is told.
pub async fn fields(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let known = web.store.written_of(&form.conversation.page, &form.conversation.person).await?;
    let t = agent.lang.texts().desk;
    let (mut values, mut problems, mut kept_out) = (Vec::with_capacity(FIELDS), Vec::new(), Vec::new());
    for written in &known {
        let FieldId(field) = written.field;
        let Some(text) = fields.given(&format!("field-{field}")) else { continue };
        let Some(value) = FieldValue::parse(text) else {
            let problem = fill(t.fields_long, &[("limit", &VALUE_CHARS.to_string())]);
            return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem), as_posted(&known, &fields)).await;
        };
        match fields.given(&format!("was-{field}")) {
            Some(was) if was == value.as_str() => {}
            Some(was) if was != written.value && value.as_str() != written.value => {
                let said = [("name", written.name.as_str()), ("now", &written.value), ("yours", value.as_str())];
                problems.push(fill(t.fields_changed, &said));
                kept_out.push((written.field, text.to_owned()));
            }
            _ => values.push((written.field, value)),
        }
    }
    web.store.write_fields(&form.conversation.page, &form.conversation.person, agent.user, &values).await?;
    if !values.is_empty() {
        presence::wrote(&web, &agent, &form.conversation).await;
    }
    if problems.is_empty() {
        return form.done().await;
    }
    form.back(StatusCode::CONFLICT, Some(problems.join(" ")), Draft { fields: kept_out, ..Draft::default() }).await
}

/// Every field that differs from what is kept, as it was written.
fn as_posted(known: &[Written], fields: &Fields) -> Draft {
    let posted = known.iter().filter_map(|it| Some((it, fields.given(&format!("field-{}", it.field.0))?)));
    let differing = posted.filter(|(it, text)| it.value != *text).map(|(it, text)| (it.field, text.to_owned()));
    Draft { fields: differing.collect(), ..Draft::default() }
}
