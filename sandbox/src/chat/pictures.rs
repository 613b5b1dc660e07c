//! The style sheet, the script, and everybody's picture.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::{Data, Path};
use askama::Template;
use sha2::{Digest, Sha256};

use crate::platform::Platform;

const STYLE: &str = include_str!("../../static/chat.css");
const SCRIPT: &str = include_str!("../../static/chat.js");

static VERSION: LazyLock<String> = LazyLock::new(|| hex::encode(&Sha256::digest(format!("{STYLE}{SCRIPT}"))[..6]));

/// Changes whenever the style sheet or the script does; part of their addresses, so that browsers may keep them.
pub fn version() -> &'static str {
    &VERSION
}

/// `GET /static/chat.css`
pub async fn style_sheet() -> HttpResponse {
    kept(STYLE, "text/css; charset=utf-8")
}

/// `GET /static/chat.js`
pub async fn script() -> HttpResponse {
    kept(SCRIPT, "text/javascript; charset=utf-8")
}

fn kept(body: &'static str, kind: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(kind).insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable")).body(body)
}

#[derive(Template)]
#[template(path = "avatar.svg", escape = "html")]
struct Avatar {
    initials: String,
    from: &'static str,
    to: &'static str,
}

/// Colours that carry white letters.
const COLOURS: [(&str, &str); 8] = [
    ("#0866ff", "#7a3cf0"),
    ("#b8325e", "#7b2ff7"),
    ("#00756a", "#0a5bb5"),
    ("#b34700", "#b3265c"),
    ("#3a5a8c", "#1f3a66"),
    ("#4c7a0b", "#0f766e"),
    ("#8a3ffc", "#c02a8f"),
    ("#a15c00", "#8a3a12"),
];

/// `GET /avatars/{page_id}/{psid}.svg`; `page` for the Page itself.
pub async fn avatar(path: Path<(String, String)>, platform: Data<Platform>) -> HttpResponse {
    let (page_id, psid) = path.into_inner();
    let name = platform.look(|world, _| {
        let account = world.accounts.get(&page_id)?;
        if psid == "page" { Some(account.name.clone()) } else { account.person(&psid).map(|person| person.name.clone()) }
    });
    let Some(name) = name else { return HttpResponse::NotFound().finish() };
    let sum = name.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let (from, to) = COLOURS[sum % COLOURS.len()];
    let Ok(body) = (Avatar { initials: initials(&name), from, to }).render() else { return HttpResponse::InternalServerError().finish() };
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(body)
}

fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|character| character.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}
