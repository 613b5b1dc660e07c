//! A file that somebody wants to send: what it is, by its content, and whether the platform takes it.

use infer::MatcherType;

use super::ids::{AttachmentId, Object};

/// Largest file, in bytes: the platform takes 25 MB with what is around it (protocol page, section 3.3).
pub const FILE_BYTES: usize = 25_000_000 - 4096;

/// Longest name that is kept, in characters.
const NAME_CHARS: usize = 120;

/// The `type` of an attachment that is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A recording.
    Audio,
    /// Anything else.
    File,
}

impl FileKind {
    /// As the platform names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    /// Reads [`FileKind::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Image, Self::Video, Self::Audio, Self::File].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A file that the platform has, and can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    /// The platform's id of it. It belongs to the Page.
    pub id: AttachmentId,
    /// What it is.
    pub kind: FileKind,
    /// What it was called where it came from.
    pub name: String,
    /// Its size.
    pub bytes: i64,
}

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// How it is sent.
    pub kind: FileKind,
    /// Its media type.
    pub media_type: &'static str,
}

/// Why a file is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfitFile {
    /// Nothing is in it.
    Empty,
    /// It is larger than [`FILE_BYTES`].
    TooLarge,
    /// It is a program, which nobody should send to a customer.
    Program,
    /// Its name says that it is a picture, a film or a recording, and its content that it is not.
    NotAsNamed,
    /// Instagram takes pictures, films and recordings only.
    NotOnInstagram,
}

/// Pictures that both platforms show.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Ends of names of programs that no content gives away.
const PROGRAMS: [&str; 14] = ["apk", "bat", "cmd", "com", "exe", "hta", "jar", "js", "lnk", "msi", "ps1", "scr", "vbs", "wsf"];

/// Ends of names that promise something to look at or to listen to.
const PROMISES: [&str; 19] = [
    "jpg", "jpeg", "png", "gif", "webp", "bmp", "heic", "mp4", "mov", "webm", "avi", "mkv", "mp3", "m4a", "aac", "ogg", "oga", "wav",
    "flac",
];

/// Looks into a file.
///
/// # Errors
/// [`UnfitFile`] when it cannot or should not be sent.
pub fn inspect(name: &str, bytes: &[u8], object: Object) -> Result<Inspected, UnfitFile> {
    if bytes.is_empty() {
        return Err(UnfitFile::Empty);
    }
    if bytes.len() > FILE_BYTES {
        return Err(UnfitFile::TooLarge);
    }
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let known = infer::get(bytes);
    if PROGRAMS.contains(&end.as_str()) || known.is_some_and(|known| known.matcher_type() == MatcherType::App) {
        return Err(UnfitFile::Program);
    }
    let inspected = match known.map(|known| (known.matcher_type(), known.mime_type())) {
        Some((MatcherType::Image, media_type)) if PICTURES.contains(&media_type) => Inspected { kind: FileKind::Image, media_type },
        Some((MatcherType::Video, media_type)) => Inspected { kind: FileKind::Video, media_type },
        Some((MatcherType::Audio, media_type)) => Inspected { kind: FileKind::Audio, media_type },
        Some((MatcherType::Image, media_type)) => Inspected { kind: FileKind::File, media_type },
        _ if PROMISES.contains(&end.as_str()) => return Err(UnfitFile::NotAsNamed),
        Some((_, media_type)) => Inspected { kind: FileKind::File, media_type },
        None => Inspected { kind: FileKind::File, media_type: "application/octet-stream" },
    };
    if object == Object::Instagram && inspected.kind == FileKind::File {
        return Err(UnfitFile::NotOnInstagram);
    }
    Ok(inspected)
}

/// A name as it is kept and shown: without folders and control characters, and not too long.
#[must_use]
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS).collect();
    let name = name.trim();
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The beginnings are those of the formats' own specifications.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
    const MP3: &[u8] = b"ID3\x03\0\0\0\0\0\x21TSSE";
    const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
    const ELF: &[u8] =
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0\x60\x10\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\x39\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0";
    const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";

    #[test]
    fn content_decides_and_names_that_promise_something_else_are_refused() {
        let kind = |name, bytes| inspect(name, bytes, Object::Page).map(|file| file.kind);
        for (name, bytes, expected) in [
            ("cup.png", PNG, Ok(FileKind::Image)),
            ("cup.txt", PNG, Ok(FileKind::Image)),
            ("cup.png", JPEG, Ok(FileKind::Image)),
            ("film", MP4, Ok(FileKind::Video)),
            ("song.mp3", MP3, Ok(FileKind::Audio)),
            ("bill.pdf", PDF, Ok(FileKind::File)),
            ("words.txt", b"plain words".as_slice(), Ok(FileKind::File)),
            ("cup.png", b"<script>alert(1)</script>".as_slice(), Err(UnfitFile::NotAsNamed)),
            ("cup.PNG", PDF, Err(UnfitFile::NotAsNamed)),
            ("song.mp3", b"\0\0\0\0", Err(UnfitFile::NotAsNamed)),
            ("bill.pdf", EXE, Err(UnfitFile::Program)),
            ("tool", ELF, Err(UnfitFile::Program)),
            ("bill.pdf.bat", b"del *".as_slice(), Err(UnfitFile::Program)),
            ("cup.png", b"".as_slice(), Err(UnfitFile::Empty)),
        ] {
            assert_eq!(kind(name, bytes), expected, "{name}");
        }
        let large = [PNG, &vec![0; FILE_BYTES]].concat();
        assert_eq!(kind("cup.png", &large), Err(UnfitFile::TooLarge));
    }

    #[test]
    fn instagram_takes_nothing_that_cannot_be_looked_at_or_listened_to() {
        let kind = |bytes| inspect("it", bytes, Object::Instagram).map(|file| file.kind);
        assert_eq!((kind(PNG), kind(MP4), kind(MP3)), (Ok(FileKind::Image), Ok(FileKind::Video), Ok(FileKind::Audio)));
        assert_eq!(kind(PDF), Err(UnfitFile::NotOnInstagram));
    }

    #[test]
    fn names_lose_their_folders() {
        for (given, kept) in [("a/b\\c.png", "c.png"), ("", "file"), ("..", ".."), ("x\r\ny", "xy"), ("/", "file")] {
            assert_eq!(file_name(given), kept, "{given:?}");
        }
        assert_eq!(file_name(&"ä".repeat(500)).chars().count(), NAME_CHARS);
    }
}
