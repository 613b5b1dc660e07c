//! Files that agents send: what they are is found out from their content, they go to the platform at once, and they are part of the draft.

use serde_json::{Value, json};

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

/// A picture of one grey point, as `pngcheck` likes it.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a,
    0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0,
    0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";

struct Desk {
    house: WebHouse,
    anna: Browser,
    thread: String,
}

async fn desk() -> Desk {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    house.says(MIA, "m_1", "Where is my parcel?").await;
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let anna = house.browser("anna@example.org").await;
    let thread = house.conversation(MIA);
    Desk { house, anna, thread }
}

impl Desk {
    async fn to(&mut self, what: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
        let address = format!("{}/{what}", self.thread);
        self.anna.post_files(&address, fields, files).await
    }

    /// The messages that were accepted, oldest first.
    async fn accepted(&self) -> Vec<Value> {
        let sends: Vec<String> =
            sqlx::query_scalar("select send from outbox order by send_id").fetch_all(&self.house.database.pool).await.expect("sends");
        let message = |send: &String| serde_json::from_str::<Value>(send).expect("a send")["content"]["message"]["message"].clone();
        sends.iter().map(message).collect()
    }

    fn uploads(&self) -> Vec<(String, String, Value, Vec<u8>)> {
        let calls = self.house.calls.lock().expect("the calls");
        let upload = |call: &baton::wire::upstream::UpstreamRequest| {
            assert_eq!((call.path.as_str(), call.page.as_str()), ("me/message_attachments", self.house.page.id.as_str()));
            let file = call.file.clone().expect("a file");
            (file.name, file.content_type, Value::Object(call.body.clone()), file.bytes)
        };
        calls.iter().map(upload).collect()
    }
}

fn attachment(kind: &str, number: u64) -> Value {
    json!({"attachment": {"type": kind, "payload": {"attachment_id": format!("87000000000{number:04}")}}})
}

#[tokio::test]
async fn a_file_and_a_text_go_out_without_script_as_two_messages_in_order() {
    let mut desk = desk().await;
    let sent =
        desk.to("send", &[("text", "Here it is"), ("key", "form-0001"), ("seen", "99")], &[("pics/cup.png", PNG), ("bill.pdf", PDF)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text(".problem"));
    let image = json!({"message": {"attachment": {"type": "image", "payload": {"is_reusable": true}}}});
    let file = json!({"message": {"attachment": {"type": "file", "payload": {"is_reusable": true}}}});
    assert_eq!(
        desk.uploads(),
        [
            ("cup.png".to_owned(), "image/png".to_owned(), image, PNG.to_vec()),
            ("bill.pdf".to_owned(), "application/pdf".to_owned(), file, PDF.to_vec())
        ]
    );
    assert_eq!(desk.accepted().await, [json!({"text": "Here it is"}), attachment("image", 1), attachment("file", 2)]);
    let page = desk.anna.get(&desk.thread.clone()).await;
    assert_eq!(page.texts(".message.waits .file"), ["Picture: cup.png", "File: bill.pdf"]);
    assert_eq!(page.count("#files li"), 0, "what was sent is not beside the next reply");
}

#[tokio::test]
async fn files_are_part_of_the_draft_of_their_agent_until_they_are_sent_or_taken_away() {
    let mut desk = desk().await;
    let back = desk.to("attach", &[("text", "Look:"), ("key", "form-0002")], &[("cup.png", PNG), ("bill.pdf", PDF)]).await;
    assert_eq!(
        (back.status, back.text("#reply-text"), back.texts(".file-name")),
        (200, "Look:".into(), vec!["cup.png".to_owned(), "bill.pdf".into()])
    );
    let thread = desk.thread.clone();
    assert_eq!(desk.anna.get(&thread).await.texts("#files .hint"), ["1 KB", "1 KB"]);
    assert_eq!(desk.house.browser("ben@example.org").await.get(&thread).await.count("#files li"), 0, "another's draft is not shown");
    let id = back.attribute("#files input", "value").expect("an id");
    let back = desk.to("detach", &[("text", "Look:"), ("key", "form-0002"), ("without", &id)], &[]).await;
    assert_eq!((back.text("#reply-text"), back.texts(".file-name")), ("Look:".into(), vec!["bill.pdf".to_owned()]));
    let left = back.attribute("#files input", "value").expect("an id");
    let fields = [("text", ""), ("key", "form-0002"), ("file", left.as_str()), ("then", "close")];
    assert_eq!(desk.to("send", &fields, &[]).await.status, 303, "a file needs no text");
    assert_eq!(desk.to("send", &fields, &[]).await.status, 303, "the same form again");
    assert_eq!(desk.accepted().await, [attachment("file", 2)]);
    assert_eq!(desk.anna.get(&thread).await.count("#files li"), 0);
}

#[tokio::test]
async fn pressed_twice_a_picked_file_is_sent_once() {
    let mut desk = desk().await;
    let fields = [("text", "The cup"), ("key", "form-0008")];
    for _ in 0..2 {
        assert_eq!(desk.to("send", &fields, &[("cup.png", PNG)]).await.status, 303);
    }
    assert_eq!(desk.accepted().await, [json!({"text": "The cup"}), attachment("image", 1)]);
    let thread = desk.thread.clone();
    let page = desk.anna.get(&thread).await;
    assert_eq!(page.texts(".file-name"), ["cup.png"], "what came too late is not thrown away");
    // From the form that is on the page now it goes.
    let field = |name: &str| page.attribute(&format!("#reply input[name={name}]"), "value").expect("a field");
    let (key, file) = (field("key"), page.attribute("#files input", "value").expect("an id"));
    assert_eq!(desk.to("send", &[("text", ""), ("key", &key), ("file", &file)], &[]).await.status, 303);
    assert_eq!(desk.accepted().await.len(), 3);
}

#[tokio::test]
async fn what_is_not_sent_stays_beside_the_text_and_why_is_said() {
    let mut desk = desk().await;
    for (name, content, words) in [
        ("cup.png", b"<html><script>alert(1)</script>".as_slice(), "is not what its name says"),
        ("bill.pdf", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", "is a program"),
        ("nothing.txt", b"", "is empty"),
        ("unwanted.pdf", PDF, "was not taken"),
    ] {
        let back = desk.to("send", &[("text", "Here"), ("key", "form-0003")], &[(name, content)]).await;
        assert_eq!((back.status, back.text("#reply-text")), (422, "Here".into()), "{name}");
        assert!(back.text(".problem").contains(words) && back.text(".problem").contains(name), "{name}: {}", back.text(".problem"));
    }
    let many: Vec<(&str, &[u8])> = vec![("cup.png", PNG); 10];
    assert_eq!(desk.to("attach", &[("text", "")], &many).await.count("#files li"), 10);
    let back = desk.to("attach", &[("text", "")], &[("one-more.png", PNG)]).await;
    assert!(back.status == 422 && back.text(".problem").contains("10 files"), "{}", back.text(".problem"));
    assert!(desk.accepted().await.is_empty());
}

#[tokio::test]
async fn a_file_is_sent_by_who_uploaded_it_on_its_page_and_by_nobody_else() {
    let mut desk = desk().await;
    let back = desk.to("attach", &[("text", "")], &[("cup.png", PNG)]).await;
    let id = back.attribute("#files input", "value").expect("an id");
    let mut ben = desk.house.browser("ben@example.org").await;
    let address = format!("{}/send", desk.thread);
    for foreign in [id.as_str(), "870000000009999", "", "\u{1}"] {
        let back = ben.post(&address, &[("text", ""), ("key", "form-0004"), ("file", foreign)]).await;
        assert_eq!(back.status, 422, "{foreign:?}");
    }
    assert!(desk.accepted().await.is_empty());
    // Without authority nothing is read, and nothing is passed on.
    let mut stranger = desk.house.stranger();
    let forged = stranger
        .client
        .post(format!("{}{}/attach", desk.house.base, desk.thread))
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = stranger.ask(forged.body("--x--\r\n")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(desk.uploads().len(), 1);
}

#[tokio::test]
async fn forms_that_are_broken_or_too_large_change_nothing() {
    let mut desk = desk().await;
    let address = format!("{}{}/attach", desk.house.base, desk.thread);
    for (boundary, body, status) in [
        ("x", b"no parts at all".to_vec(), 400),
        ("x", b"--x\r\nContent-Disposition: form-data; name=\"pick\"; filename=\"a\"\r\n\r\nnever ends".to_vec(), 400),
        ("x", b"--x--\r\n".to_vec(), 403),
    ] {
        let request = desk.anna.client.post(&address).header("content-type", format!("multipart/form-data; boundary={boundary}"));
        let answer = desk.anna.ask(request.header("sec-fetch-site", "same-origin").body(body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let large = vec![0; 26_000_000];
    let answer = desk.to("attach", &[("text", "")], &[("large.bin", &large)]).await;
    assert_eq!(answer.status, 413);
    // Addresses that take no files read none.
    let note = desk.to("note", &[("text", "x"), ("key", "form-0005")], &[("cup.png", PNG)]).await;
    assert_eq!(note.status, 403);
    assert!(desk.uploads().is_empty());
}

#[tokio::test]
async fn a_saved_reply_brings_its_files_to_whichever_page_it_is_used_on() {
    let mut desk = desk().await;
    let fields = [("whose", "own"), ("title", "Menu"), ("shortcut", "menu"), ("category", ""), ("body", "Our menu:")];
    let made = desk.anna.post_files("/settings/replies", &fields, &[("menu.pdf", PDF), ("cup.png", PNG)]).await;
    assert_eq!(made.status, 303, "{}", made.text(".problem"));
    let page = desk.anna.get("/settings/replies").await;
    assert_eq!(page.texts(".kept-files label"), ["Remove menu.pdf", "Remove cup.png"]);
    let replies: Value = serde_json::from_str(&desk.anna.get(&format!("{}/replies", desk.thread)).await.body).expect("JSON");
    assert_eq!((&replies[0]["files"], &replies[0]["text"]), (&json!(2), &json!("Our menu:")));
    let id = replies[0]["id"].to_string();
    let back = desk.to("insert", &[("text", "Hello!"), ("key", "form-0006"), ("saved", &id)], &[]).await;
    assert_eq!(
        (back.text("#reply-text"), back.texts(".file-name")),
        ("Hello! Our menu:".into(), vec!["menu.pdf".to_owned(), "cup.png".into()])
    );
    // Ben's own replies are Ben's: nobody else gets at the files of Anna's.
    let mut ben = desk.house.browser("ben@example.org").await;
    let answer = ben.post(&format!("{}/attach", desk.thread), &[("text", ""), ("reply", &id)]).await;
    assert_eq!((answer.status, answer.count("#files li")), (200, 0));
    // A file is taken out, a third is put in; a program is refused and nothing is changed.
    let address = page.attribute(".things form", "action").expect("a form");
    let without = page.attribute(".kept-files input", "value").expect("a file");
    let save = [fields.as_slice(), &[("action", "save"), ("without", &without)]].concat();
    let refused = desk.anna.post_files(&address, &save, &[("tool.exe", b"MZ\x90\0")]).await;
    assert!(refused.status == 422 && refused.text(".problem").contains("is a program"));
    assert_eq!(desk.anna.get("/settings/replies").await.count(".kept-files label"), 2);
    assert_eq!(desk.anna.post_files(&address, &save, &[("hours.pdf", PDF)]).await.status, 303);
    assert_eq!(desk.anna.get("/settings/replies").await.texts(".kept-files label"), ["Remove cup.png", "Remove hours.pdf"]);
}
