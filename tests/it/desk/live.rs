//! The live stream in a browser whose clock runs ahead: what is old is said to be old, and is as it was once the stream is heard again.

use super::Desk;

const MIA: &str = "7421893398374821";

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_told_of_and_what_is_old_is_grey_until_it_speaks_again() {
    let desk = Desk::set("live", "anna@harbour.example").await;
    let anna = &desk.browser;
    desk.goes(&desk.house.conversation(MIA)).await;
    anna.shows("html.scripted #thread h1", |title| title == ["Mia Wong"]).await;
    assert_eq!(anna.texts("#live:not([hidden])").await, Some(Vec::new()), "nothing is wrong");
    // A sign of life comes every five seconds: between two of them 100 of these pass.
    anna.runs::<()>(
        "const real = performance.now.bind(performance), began = real(); performance.now = () => began + 20 * (real() - began)",
    )
    .await;
    let told = anna.shows("#live:not([hidden])", |told| told.len() == 1).await;
    assert!(told[0].starts_with("Connection lost. What you see may be old."), "{told:?}");
    assert_eq!(anna.texts("#live a[href='']").await, Some(vec!["Reload the page".to_owned()]));
    let grey = "const done = arguments[0], filter = (id) => getComputedStyle(document.getElementById(id)).filter;
        const look = () => (document.documentElement.classList.contains('old') ? done(filter('rows') + ' ' + filter('timeline')) : requestAnimationFrame(look));
        look();";
    assert_eq!(anna.runs_to_its_end::<String>(grey).await, "grayscale(1) grayscale(1)");
    anna.shows("html:not(.old) #live[hidden]", |bars| bars.len() == 1).await;
    assert_eq!(anna.complaints().await, Vec::<String>::new());
}
