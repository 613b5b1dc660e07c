//! The languages of the pages, and which one a reader gets.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;

use super::text::{DE, EN, Texts};

/// The cookie that remembers a choice before anybody is logged in.
const COOKIE: &str = "baton_language";

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// German.
    De,
}

impl Lang {
    /// As HTML and the accounts name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// Reads [`Lang::code`].
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "de" => Some(Self::De),
            _ => None,
        }
    }

    /// All texts of the language.
    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::De => &DE,
        }
    }

    /// What a reader prefers: what they chose here, else what their browser says, else English.
    pub fn of(request: &HttpRequest) -> Self {
        let chosen = request.cookie(COOKIE).and_then(|cookie| Self::parse(cookie.value()));
        chosen.unwrap_or_else(|| {
            let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
            Self::preferred(header.unwrap_or_default())
        })
    }

    /// The best of an `Accept-Language`.
    fn preferred(header: &str) -> Self {
        let mut best = (0.0_f32, Self::En);
        for choice in header.split(',') {
            let (tag, weight) = choice.split_once(';').unwrap_or((choice, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok()).unwrap_or(0.0);
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(lang) = Self::parse(&primary).filter(|_| weight > best.0) {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// The cookie that remembers this choice for a year.
    pub fn cookie(self, secure: bool) -> Cookie<'static> {
        Cookie::build(COOKIE, self.code())
            .path("/")
            .secure(secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(time::Duration::days(365))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_browsers_prefer() {
        for (header, expected) in [
            ("", Lang::En),
            ("de", Lang::De),
            ("de-AT,de;q=0.9,en;q=0.8", Lang::De),
            ("fr-FR,fr;q=0.9,en;q=0.8,de;q=0.7", Lang::En),
            ("en;q=0.2, de-CH;q=0.3", Lang::De),
            ("de;q=0, en;q=0.1", Lang::En),
            ("*;q=nonsense,;;,", Lang::En),
        ] {
            assert_eq!(Lang::preferred(header), expected, "{header}");
        }
    }
}
