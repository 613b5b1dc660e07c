//! Files in a browser: picked, pasted and dropped, they go up at once, stand beside the text and go out with it.

use super::Desk;

const MIA: &str = "7421893398374821";

/// Makes files in the browser and hands them over as the given event does.
fn hand(how: &str, files: &[(&str, &str)]) -> String {
    let files: Vec<String> = files.iter().map(|(name, content)| format!("given.items.add(new File([{content}], {name:?}));")).collect();
    let event = match how {
        "pick" => {
            "const pick = document.getElementById('pick'); pick.files = given.files; pick.dispatchEvent(new Event('change', {bubbles: true}));"
        }
        "paste" => {
            "document.getElementById('reply-text').dispatchEvent(new ClipboardEvent('paste', {clipboardData: given, bubbles: true, cancelable: true}));"
        }
        "drop" => {
            "document.getElementById('timeline').dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true}));"
        }
        other => panic!("nobody hands files over by {other}"),
    };
    format!("const given = new DataTransfer(); {} {event} return true;", files.join(" "))
}

const PNG: &str = "new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13])";
const WORDS: &str = "'opening hours'";

#[tokio::test(flavor = "multi_thread")]
async fn files_are_picked_pasted_and_dropped_and_go_out_with_the_text() {
    let desk = Desk::set("files", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    anna.fill("#reply-text", "Here is all of it").await;
    assert!(anna.runs::<bool>(&hand("pick", &[("cup.png", PNG)])).await);
    anna.shows("#files .file-name", |names| names == ["cup.png"]).await;
    assert!(anna.runs::<bool>(&hand("paste", &[("image.png", PNG)])).await);
    anna.shows("#files .file-name", |names| names == ["cup.png", "image.png"]).await;
    assert!(anna.runs::<bool>(&hand("drop", &[("hours.txt", WORDS), ("menu.txt", WORDS)])).await);
    anna.shows("#files .file-name", |names| names == ["cup.png", "image.png", "hours.txt", "menu.txt"]).await;
    assert_eq!(anna.value("#reply-text").await.as_deref(), Some("Here is all of it"), "what was written stays");
    anna.runs::<bool>("document.querySelector('#files li:nth-child(2) button').click(); return true;").await;
    anna.shows("#files .file-name", |names| names == ["cup.png", "hours.txt", "menu.txt"]).await;
    anna.reload().await;
    anna.shows("html.scripted #files .file-name", |names| names == ["cup.png", "hours.txt", "menu.txt"]).await;
    anna.click("#reply button.send", "").await;
    anna.shows("#timeline .message.waits .file", |files| files == ["Picture: cup.png", "File: hours.txt", "File: menu.txt"]).await;
    anna.shows("#timeline .message.waits .text", |texts| texts.iter().any(|it| it == "Here is all of it")).await;
    anna.shows("#files", |_| true).await;
    assert_eq!(anna.texts("#files li").await.unwrap_or_default(), Vec::<String>::new());
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_file_is_said_where_it_would_stand() {
    let desk = Desk::set("files-wrong", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    let files = [("cup.png", "'<script>'"), ("film.mp4", "new Uint8Array(26e6)"), ("good.txt", WORDS)];
    assert!(anna.runs::<bool>(&hand("drop", &files)).await);
    anna.shows("#files .file-name", |names| names == ["good.txt"]).await;
    let said = anna.shows("#uploads [role=alert]", |said| said.len() == 2).await;
    assert!(said[0].contains("is not what its name says") && said[1].contains("25 MB at most"), "{said:?}");
    anna.runs::<bool>("document.querySelectorAll('#uploads button').forEach((button) => button.click()); return true;").await;
    assert_eq!(anna.texts("#uploads li").await.unwrap_or_default(), Vec::<String>::new());
    assert_eq!(desk.house.calls.lock().expect("the calls").len(), 1, "only what is fit goes to the platform");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_on_a_note_does_not_go_out_with_the_next_reply() {
    let desk = Desk::set("files-note", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.takes(MIA).await;
    anna.click(".modes label[for=mode-note]", "").await;
    assert!(anna.runs::<bool>(&hand("drop", &[("diary.txt", WORDS)])).await);
    anna.shows("#live", |said| said.iter().any(|it| it.contains("Files go out with replies"))).await;
    assert_eq!(anna.texts("#files li, #uploads li").await.unwrap_or_default(), Vec::<String>::new());
    assert!(desk.house.calls.lock().expect("the calls").is_empty(), "nothing goes to the platform");
}
