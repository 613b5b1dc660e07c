//! Words that are read from right to left, on a page that is not.

use super::Desk;

const ARABIC: &str = "9002";
const HEBREW: &str = "9003";
const LONG: &str =
    "مرحبا، طلبت القهوة قبل أسبوع ولم تصل بعد، هل يمكنكم إخباري متى ستصل إلى البيت من فضلكم؟ https://parcels.example.org/track/HC-20931";

/// The computed direction of everything that a selector finds.
async fn directions(desk: &Desk, selector: &str) -> Vec<String> {
    let script = format!("return [...document.querySelectorAll({selector:?})].map((element) => getComputedStyle(element).direction)");
    desk.browser.runs(&script).await
}

/// What hangs over a side of the screen.
const OVER: &str = "return [...document.querySelectorAll('#list *, #thread *')].filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width && !element.closest('.moves, .hidden, details, .composer, .bubble, [hidden]') && (left < -1 || right > innerWidth + 1)
        && !getComputedStyle(element).position.includes('absolute');
}).map((element) => element.outerHTML.slice(0, 120)).concat(
    [...document.querySelectorAll('.bubble')].filter((bubble) => bubble.scrollWidth > bubble.clientWidth + 1).map((bubble) => bubble.outerHTML),
    document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_from_right_to_left_is_shown_so_on_a_page_that_is_not() {
    let desk = Desk::set("directions", "anna@harbour.example").await;
    let house = &desk.house;
    house.named(ARABIC, "أمل عبد الرحمن بن محمد الحدّاد القرشي من مدينة الإسكندرية").await;
    house.named(HEBREW, "נועה לוי").await;
    house.says(HEBREW, "m_he", "שלום, מתי אתם פתוחים?").await;
    house.says(ARABIC, "m_ar", LONG).await;
    for person in [HEBREW, ARABIC] {
        house.hands_over(person, r#"{"reason":"asked"}"#).await;
        let address = format!("{}?view=open", house.conversation(person));
        for (width, height) in [(1280, 900), (390, 844)] {
            desk.browser.resizes(width, height).await;
            desk.goes(&address).await;
            for part in ["#thread h1", ".message.in .bubble .text", "#rows [aria-current] .name", "#rows [aria-current] .preview"] {
                assert_eq!(directions(&desk, part).await, ["rtl"], "{part} {width}");
            }
            for part in ["html", "#thread", "#rows", "#rows [aria-current]", "#reply-text"] {
                assert_eq!(directions(&desk, part).await, ["ltr"], "{part} {width}");
            }
            // What is being written goes its own way as well.
            for area in ["note-text", "reply-text"] {
                desk.browser.runs::<()>(&format!("document.getElementById('{area}').value = 'مرحبا'")).await;
                assert_eq!(directions(&desk, &format!("#{area}")).await, ["rtl"], "{area} {width}");
            }
            assert_eq!(desk.browser.runs::<Vec<String>>(OVER).await, Vec::<String>::new(), "{width}");
            desk.goes("/inbox?view=open").await;
            assert_eq!(desk.browser.runs::<Vec<String>>(OVER).await, Vec::<String>::new(), "the list, {width}");
        }
    }
    // The words before an agent's own message are the page's, and the message goes its own way.
    house.orders(ARABIC, baton::control::Command::Take { app: house.page.inbox.clone(), metadata: None }).await;
    house.sends(&house.page.inbox, ARABIC, "m_ar2", serde_json::json!({"text": "غدا إن شاء الله"})).await;
    desk.goes("/inbox?view=open").await;
    let row = format!("#row-{}-{ARABIC} .preview", house.page.id);
    desk.browser.shows(&row, |preview| preview.iter().any(|it| it.ends_with("غدا إن شاء الله"))).await;
    assert_eq!(directions(&desk, &row).await, ["rtl"]);
}
