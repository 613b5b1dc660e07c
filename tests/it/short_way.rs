//! The short way of a group: what was read without locks is written if nothing has changed since, or not at all.

use std::time::Duration;

use baton::store::group::{Glance, GroupId, Link, Writes};
use baton::wire::PersonId;

use crate::harness::page::{TestPage, person_id};
use crate::harness::{Database, database};

const PROCESS: i64 = 7;

struct House {
    database: Database,
    page: TestPage,
    link: Link,
    former: GroupId,
}

impl House {
    async fn build() -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        let mut link = database.store.link().await.expect("a connection");
        let mut first = link.begin_group().await.expect("a group");
        let former = first.lock_heads(&[], PROCESS).await.expect("a name").id;
        first.commit().await.expect("committed");
        Self { database, page, link, former }
    }

    async fn glance(&mut self) -> Glance {
        self.link.glance(&[(self.page.id.clone(), person())]).await.expect("seen")
    }

    /// Moves the Page's head to a position, as a group does that was decided by this glance.
    async fn write(&mut self, glance: &Glance, former: &GroupId, id: &GroupId, position: i64) -> Result<bool, baton::store::StoreError> {
        let mut writes = Writes { heads: glance.heads.clone(), ..Writes::default() };
        writes.heads[0].last_position = position;
        self.link.write_at_once(&writes, glance.now, glance, former, id).await
    }

    async fn position(&self) -> i64 {
        sqlx::query_scalar("select last_position from pages where page_id = $1")
            .bind(self.page.id.as_str())
            .fetch_one(&self.database.pool)
            .await
            .expect("a Page")
    }
}

fn person() -> PersonId {
    person_id("9001")
}

#[tokio::test]
async fn what_nobody_changed_is_written() {
    let mut house = House::build().await;
    let glance = house.glance().await;
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    assert!(house.write(&glance, &former, &id, 5).await.expect("an answer"));
    assert_eq!(house.position().await, 5);
    assert!(house.database.store.is_committed(&id).await.expect("told"), "it is committed under its name");
}

#[tokio::test]
async fn what_another_changed_is_not_written_even_if_it_looks_the_same() {
    let mut house = House::build().await;
    let glance = house.glance().await;
    // A conversation changed without a new row of the log: its Page's head is written as it was.
    sqlx::query("update pages set last_position = last_position where page_id = $1")
        .bind(house.page.id.as_str())
        .execute(&house.database.pool)
        .await
        .expect("written");
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    assert!(!house.write(&glance, &former, &id, 5).await.expect("an answer"));
    assert_eq!(house.position().await, 0);
    assert!(!house.database.store.is_committed(&id).await.expect("told"));
}

#[tokio::test]
async fn what_another_is_changing_is_waited_for_and_not_written() {
    let mut house = House::build().await;
    let glance = house.glance().await;
    let mut other = house.database.pool.begin().await.expect("a transaction");
    sqlx::query("update pages set last_position = 1 where page_id = $1")
        .bind(house.page.id.as_str())
        .execute(&mut *other)
        .await
        .expect("written");
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    let (written, ()) = tokio::join!(house.write(&glance, &former, &id, 5), async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.commit().await.expect("committed");
    });
    assert!(!written.expect("an answer"));
    assert_eq!(house.position().await, 1);
}

#[tokio::test]
async fn what_another_only_locked_is_waited_for_and_written() {
    let mut house = House::build().await;
    let glance = house.glance().await;
    let mut other = house.database.pool.begin().await.expect("a transaction");
    sqlx::query("select 1 from pages where page_id = $1 for update")
        .bind(house.page.id.as_str())
        .execute(&mut *other)
        .await
        .expect("locked");
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    let (written, ()) = tokio::join!(house.write(&glance, &former, &id, 5), async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.rollback().await.expect("rolled back");
    });
    assert!(written.expect("an answer"));
    assert_eq!(house.position().await, 5);
}

/// A statement may be stuck in the network while it is asked elsewhere what became of it: once the answer was no, it must stay no.
#[tokio::test]
async fn a_group_that_was_told_not_to_be_committed_never_is() {
    let mut house = House::build().await;
    let glance = house.glance().await;
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    assert!(!house.database.store.is_committed(&id).await.expect("told"));
    house.write(&glance, &former, &id, 5).await.expect_err("too late");
    assert_eq!(house.position().await, 0);
    assert!(!house.database.store.is_committed(&id).await.expect("told"));
}

/// Nothing of a group is written when one of its events was seen before.
#[tokio::test]
async fn a_group_with_something_seen_before_is_not_written() {
    let mut house = House::build().await;
    let hash = [3u8; 16];
    sqlx::query("insert into duplicates (page_id, hash, seen_at) values ($1, $2, now())")
        .bind(house.page.id.as_str())
        .bind(&hash[..])
        .execute(&house.database.pool)
        .await
        .expect("marked");
    let glance = house.glance().await;
    let mut writes = Writes { heads: glance.heads.clone(), seen: vec![(house.page.id.clone(), hash)], ..Writes::default() };
    writes.heads[0].last_position = 5;
    let (former, id) = (house.former.clone(), GroupId::new(PROCESS));
    house.link.write_at_once(&writes, glance.now, &glance, &former, &id).await.expect_err("seen before");
    assert_eq!(house.position().await, 0);
    assert!(!house.database.store.is_committed(&id).await.expect("told"));
}
