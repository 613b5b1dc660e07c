//! A durable PostgreSQL of the run's own, made and started by the program that is measured, just as its private cluster is.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::baton;

/// The running cluster. It is stopped and removed at the end.
pub struct Cluster {
    /// Where everything of this run is.
    pub folder: PathBuf,
    private: Option<::baton::postgres::Cluster>,
}

impl Cluster {
    /// Lets `baton serve` make one, and stays in it.
    pub async fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let folder = program.with_file_name(format!("bench-{}", std::process::id()));
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("a folder for the cluster");
        let maker = baton::Baton::start(&folder, None).await;
        let private = ::baton::postgres::Cluster::find(&data).expect("the cluster that Baton has made");
        maker.stop().await;
        Self { folder, private: Some(private) }
    }

    fn private(&self) -> &::baton::postgres::Cluster {
        self.private.as_ref().expect("it runs")
    }

    /// The address of a database in it.
    pub fn url(&self, database: &str) -> String {
        self.private().url().replacen("/postgres?", &format!("/{database}?"), 1)
    }

    /// The folder of its socket, as libpq and others take it for a host.
    pub fn socket(&self) -> String {
        let url = url::Url::parse(&self.private().url()).expect("an address");
        url.query_pairs().find(|(key, _)| key == "host").map(|(_, host)| host.into_owned()).expect("a host")
    }

    /// The process that all others of it descend from.
    pub fn postmaster(&self) -> u32 {
        let path = self.private().home().join("data/postmaster.pid");
        std::fs::read_to_string(path).ok().and_then(|text| text.lines().next()?.parse().ok()).expect("the server's process id")
    }

    /// A database like another: the one that has nothing, or one that was seeded.
    pub async fn copy(&self, name: &str, template: &str) {
        self.run("postgres", &format!("drop database if exists {name} with (force)")).await;
        self.run("postgres", &format!("create database {name} template {template} strategy file_copy")).await;
    }

    /// Removes a database.
    pub async fn drop(&self, name: &str) {
        self.run("postgres", &format!("drop database if exists {name} with (force)")).await;
    }

    /// Runs SQL in a database.
    pub async fn run(&self, database: &str, sql: &str) {
        let mut connection = PgConnection::connect(&self.url(database)).await.expect("the database answers");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.expect("the connection ends");
    }

    /// A number out of a database.
    pub async fn number(&self, database: &str, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url(database)).await.expect("the database answers");
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        number.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Numbers out of a database.
    pub async fn numbers(&self, database: &str, sql: &str) -> Vec<i64> {
        let mut connection = PgConnection::connect(&self.url(database)).await.expect("the database answers");
        let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        numbers.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// A text out of a database.
    pub async fn text(&self, database: &str, sql: &str) -> String {
        let mut connection = PgConnection::connect(&self.url(database)).await.expect("the database answers");
        let text = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        text.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Writes everything to its place, so that every run begins with the same debt: none.
    pub async fn settle(&self) {
        self.run("postgres", "checkpoint").await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(private) = self.private.take() else { return };
        let home = private.home().to_path_buf();
        if let Err(error) = private.leave() {
            eprintln!("the cluster at {} does not stop: {error}", home.display());
            return;
        }
        for folder in [&home, &self.folder] {
            if let Err(error) = std::fs::remove_dir_all(folder)
                && folder.exists()
            {
                eprintln!("{} stays: {error}", folder.display());
            }
        }
    }
}

/// A program of PostgreSQL's.
pub fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.is_file()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| panic!("{name} is missing: apt-get install postgresql"))
}
