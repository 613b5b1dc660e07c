//! What agents write down about a person.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};

use super::composer::Draft;
use super::context::Unsaved;
use super::form::Form;
use super::visible::PostedTo;
use crate::store::fields::{FIELDS, FieldId, FieldValue, VALUE_CHARS, Written};
use crate::web::State;
use crate::web::error::WebError;
use crate::web::posted::Fields;
use crate::web::presence;
use crate::web::text::fill;

/// A field as a form has it.
struct Entry<'a> {
    /// What is kept.
    kept: &'a Written,
    /// What was written.
    text: &'a str,
    /// What the field said when the form was made; what it says now, where the form does not tell.
    was: &'a str,
}

/// What becomes of it.
enum Fate {
    /// Nobody changed it, or to what it says already.
    Same,
    /// It is written.
    Written(FieldValue),
    /// A colleague was faster.
    Overtaken,
    /// It is longer than a field.
    TooLong,
}

impl<'a> Entry<'a> {
    /// `None`: the form does not have this field.
    fn posted(kept: &'a Written, fields: &'a Fields) -> Option<Self> {
        let FieldId(field) = kept.field;
        let text = fields.given(&format!("field-{field}"))?;
        Some(Self { kept, text, was: fields.given(&format!("was-{field}")).unwrap_or(&kept.value) })
    }

    fn fate(&self) -> Fate {
        let Some(value) = FieldValue::parse(self.text) else { return Fate::TooLong };
        match value.as_str() {
            text if text == self.was || text == self.kept.value => Fate::Same,
            _ if self.was != self.kept.value => Fate::Overtaken,
            _ => Fate::Written(value),
        }
    }

    fn unsaved(&self, was: &str, why: Option<String>) -> Unsaved {
        Unsaved { field: self.kept.field, text: self.text.to_owned(), was: was.to_owned(), why }
    }
}

/// POST …/fields: of those that the form holds, what was changed in it. What a colleague has changed meanwhile stays, and its author is told: what
/// they wrote is in the form that comes back, which replaces what their colleague wrote.
pub async fn fields(web: State, request: HttpRequest, posted: PostedTo) -> Result<HttpResponse, WebError> {
    let PostedTo { agent, conversation, fields } = posted;
    let form = Form::new(&web, &request, &agent, conversation, &fields);
    let known = web.store.written_of(&form.conversation.page, &form.conversation.person).await?;
    let t = agent.lang.texts().desk;
    let entries: Vec<Entry<'_>> = known.iter().filter_map(|written| Entry::posted(written, &fields)).collect();
    if entries.iter().any(|entry| matches!(entry.fate(), Fate::TooLong)) {
        let problem = fill(t.fields_long, &[("limit", &VALUE_CHARS.to_string())]);
        return form.back(StatusCode::UNPROCESSABLE_ENTITY, Some(problem.clone()), as_posted(&entries, &problem)).await;
    }
    let (mut values, mut problems, mut unsaved) = (Vec::with_capacity(FIELDS), Vec::new(), Vec::new());
    for entry in &entries {
        match entry.fate() {
            Fate::Same | Fate::TooLong => {}
            Fate::Written(value) => values.push((entry.kept.field, value)),
            Fate::Overtaken => {
                let said = [("name", entry.kept.name.as_str()), ("now", &entry.kept.value), ("yours", entry.text)];
                problems.push(fill(t.fields_changed, &said));
                unsaved.push(entry.unsaved(&entry.kept.value, Some(fill(t.field_now, &said))));
            }
        }
    }
    web.store.write_fields(&form.conversation.page, &form.conversation.person, agent.user, &values).await?;
    if !values.is_empty() {
        presence::wrote(&web, &agent, &form.conversation).await;
    }
    if problems.is_empty() {
        return form.done().await;
    }
    form.back(StatusCode::CONFLICT, Some(problems.join(" ")), Draft { fields: unsaved, ..Draft::default() }).await
}

/// The form as it was, of which nothing is saved.
fn as_posted(entries: &[Entry<'_>], problem: &str) -> Draft {
    let changed = entries.iter().filter(|entry| entry.text != entry.was);
    let why = |entry: &Entry<'_>| matches!(entry.fate(), Fate::TooLong).then(|| problem.to_owned());
    Draft { fields: changed.map(|entry| entry.unsaved(entry.was, why(entry))).collect(), ..Draft::default() }
}
