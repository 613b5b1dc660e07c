//! Style, scripts and icons: inside the program, under addresses that change with their content.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header::{self, AcceptEncoding, Encoding, Header};
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{Embed, EmbeddedFile};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::WebError;

#[derive(Embed)]
#[folder = "static/"]
struct Files;

/// The names of the files in addresses. One version covers all of them, so that modules find each other.
pub struct Assets {
    version: String,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    for name in names {
        hash.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            hash.update(file.metadata.sha256_hash());
        }
    }
    Assets { version: hex::encode(hash.finalize()).chars().take(12).collect() }
});

/// Text as small as it gets: it is packed once, and fetched by everybody.
static PACKED: LazyLock<HashMap<String, Vec<u8>>> = LazyLock::new(|| {
    let files = Files::iter().filter(|name| !name.ends_with(".png"));
    files.filter_map(|name| Some((name.to_string(), pack(&Files::get(&name)?.data).ok()?))).collect()
});

fn pack(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(content)?;
    packer.finish()
}

/// Whether the browser unpacks.
fn unpacks(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request).is_ok_and(|accepted| accepted.negotiate(supported.iter()) == Some(Encoding::gzip()))
}

impl Assets {
    /// The assets of this program.
    pub fn get() -> &'static Self {
        &ASSETS
    }

    /// The address of a file.
    pub fn url(&self, name: &str) -> String {
        format!("/static/{}/{name}", self.version)
    }
}

/// What an address may ask for besides the file.
#[derive(Deserialize)]
pub struct Wanted {
    /// The icon with this number on it.
    count: Option<u32>,
}

/// The icon with how many wait on it, for the tab.
fn counted(icon: &[u8], count: u32) -> Vec<u8> {
    let shown = if count > 99 { "99".to_owned() } else { count.to_string() };
    let mark = format!(
        "<circle cx=\"22\" cy=\"22\" r=\"10\" fill=\"#b3261e\"/><text x=\"22\" y=\"26.500\" text-anchor=\"middle\" font-family=\"sans-serif\" font-weight=\"700\" \
         font-size=\"{}\" fill=\"#fff\">{shown}</text></svg>",
        if shown.len() > 1 { 12 } else { 14 }
    );
    String::from_utf8_lossy(icon)
        .trim_end()
        .trim_end_matches("</svg>")
        .to_owned()
        .into_bytes()
        .into_iter()
        .chain(mark.into_bytes())
        .collect()
}

/// Serves a file. Its address names its content, so browsers may keep it for good.
pub async fn serve(request: HttpRequest, path: web::Path<(String, String)>, wanted: Query<Wanted>) -> Result<HttpResponse, WebError> {
    let (version, name) = path.into_inner();
    let file: EmbeddedFile = Files::get(&name).ok_or(WebError::NotFound)?;
    let kept = if version == ASSETS.version { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, mime_guess::from_path(&name).first_or_octet_stream().as_ref()))
        .insert_header((header::CACHE_CONTROL, kept))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"));
    if let Some(count) = wanted.count.filter(|_| name == "icon.svg") {
        return Ok(answer.body(counted(&file.data, count)));
    }
    match PACKED.get(&name).filter(|_| unpacks(&request)) {
        Some(packed) => Ok(answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(packed.as_slice())),
        None => Ok(answer.body(file.data.into_owned())),
    }
}
