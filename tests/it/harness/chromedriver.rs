//! chromedriver, and what every browser that it opens is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};

use super::leash::Leash;

/// How long chromedriver may take to answer: a page that works hard answers late.
const PATIENCE: Duration = Duration::from_secs(120);

/// A headless browser that talks to nobody but the pages it is sent to. Everything it starts is in chromedriver's process group.
const ARGUMENTS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,900",
];

/// chromedriver, on a port of its own. Every browser it opens ends with it.
pub struct Driver {
    _leash: Leash,
    /// Its address.
    pub url: String,
    /// Where profiles and its log are.
    pub folder: PathBuf,
}

impl Driver {
    /// Starts it. Profiles and its log go into the folder.
    pub fn start(folder: &Path) -> Self {
        for (program, package) in [("chromedriver", "chromium-driver"), ("chromium", "chromium")] {
            assert!(installed(program), "{program} is missing: apt-get install {package}");
        }
        let port = |line: &str| Some(line.split_once("successfully on port ")?.1.trim().trim_end_matches('.').to_owned());
        let (leash, port) = Leash::start("chromedriver", &["--port=0"], &[], folder.join("chromedriver.log"), port);
        Self { _leash: leash, url: format!("http://127.0.0.1:{port}"), folder: folder.to_owned() }
    }

    /// What a browser with a profile of its own is told, for more to be added.
    pub fn wanted(&self, profile: &str) -> ChromeCapabilities {
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).expect("an argument");
        }
        let profile = self.folder.join(format!("{profile}.profile"));
        wanted.add_arg(&format!("--user-data-dir={}", profile.display())).expect("an argument");
        wanted
    }

    /// Opens a browser.
    pub async fn open(&self, wanted: ChromeCapabilities) -> WebDriver {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        WebDriver::builder(&self.url, wanted).client(client).await.expect("chromedriver opens a browser")
    }
}

fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
