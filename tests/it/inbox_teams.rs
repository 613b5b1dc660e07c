//! Conversations of teams: who may give them, what is written, when it ends, and the filter.

use baton::access::UserId;
use baton::control::Command;
use baton::ledger::{Act, LedgerError};
use baton::store::teams::{Team, TeamId};

use crate::harness::page::person_id;
use crate::web_house::{Browser, WebHouse};

const MIA: &str = "9001";

/// Anna and Ben answer on the Page, Cleo on another; Anna is in Billing, Ben in Parcels, Cleo in Night.
struct Town {
    house: WebHouse,
    anna: Browser,
    billing: String,
    parcels: String,
    night: String,
}

impl Town {
    async fn build() -> Self {
        let house = WebHouse::build().await;
        let second = house.second_page().await;
        let anna = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
        let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
        let cleo = house.user("cleo@example.org", "Cleo Sand", "agent", &[&second]).await;
        let (billing, parcels, night) =
            (house.team("Billing", &[anna]).await, house.team("Parcels", &[ben]).await, house.team("Night", &[cleo]).await);
        house.says(MIA, "m_1", "My invoice is wrong").await;
        house.hands_over(MIA, "x").await;
        let anna = house.browser("anna@example.org").await;
        Self { house, anna, billing, parcels, night }
    }

    /// Anna gives Mia's conversation to a team.
    async fn gives(&mut self, team: &str) -> u16 {
        self.anna.post(&format!("{}/control", self.house.conversation(MIA)), &[("team", team)]).await.status
    }

    /// The name of the team that has Mia's conversation.
    async fn team(&self) -> Option<String> {
        let name =
            sqlx::query_scalar("select name from conversation_teams join teams using (team_id) where page_id = $1 and person_id = $2");
        name.bind(self.house.page.id.as_str()).bind(MIA).fetch_optional(&self.house.database.pool).await.expect("asked")
    }

    /// The rows of the log about assignments: who, and what.
    async fn assignments(&self) -> Vec<(String, String)> {
        let rows = sqlx::query_as("select name, payload from log join users using (user_id) where kind = 'assign' order by position");
        rows.fetch_all(&self.house.database.pool).await.expect("the log")
    }

    async fn people(&mut self, query: &str) -> Vec<String> {
        let list = self.anna.get(&format!("/inbox?{query}")).await;
        assert_eq!(list.status, 200, "{query}: {}", list.body);
        list.texts("a.row .name").iter().map(|name| name.trim_start_matches("PSID …").to_owned()).collect()
    }
}

/// A team of one.
#[tokio::test]
async fn a_team_gets_a_conversation_and_log_timeline_and_head_say_so() {
    let mut town = Town::build().await;
    let address = town.house.conversation(MIA);
    let offered = town.anna.get(&address).await.texts(".pass [name=team]");
    assert_eq!(offered, ["To the team Billing", "To the team Parcels"], "nobody in Night may see it");
    assert_eq!(town.gives(&town.billing.clone()).await, 303);
    assert_eq!(town.team().await.as_deref(), Some("Billing"));
    assert_eq!(town.gives(&town.billing.clone()).await, 303, "once more");
    let logged =
        |team: &str, name: &str| ("Anna Berg".to_owned(), format!(r#"{{"act":"assign_team","to":{{"team":{team},"name":"{name}"}}}}"#));
    assert_eq!(town.assignments().await, [logged(&town.billing, "Billing")], "what it had already is not written again");
    let page = town.anna.get(&address).await;
    assert!(page.text("#holder").contains("Nobody is assigned · Team Billing"), "{}", page.text("#holder"));
    assert!(page.text("#timeline").contains("Anna Berg assigned it to the team Billing"), "{}", page.text("#timeline"));
    assert_eq!(page.texts(".pass [name=team]"), ["To the team Parcels", "Off the team Billing"]);
    let list = town.anna.get("/inbox?view=needs").await;
    assert_eq!(list.attribute("a.row .team", "title").as_deref(), Some("Team Billing"));
    // An agent takes it, and it stays with the team; then it goes to another.
    assert_eq!(town.anna.post(&format!("{address}/control"), &[("action", "assign")]).await.status, 303);
    assert_eq!(town.team().await.as_deref(), Some("Billing"));
    assert_eq!(town.gives(&town.parcels.clone()).await, 303);
    assert_eq!(town.gives("0").await, 303);
    assert_eq!(town.team().await, None);
    let page = town.anna.get(&address).await;
    assert!(page.text("#timeline").contains("Anna Berg took it off its team"), "{}", page.text("#timeline"));
    assert!(!page.text("#holder").contains("Team"), "{}", page.text("#holder"));
    assert_eq!(town.assignments().await.len(), 4);
    town.anna.language = "de";
    town.gives(&town.billing.clone()).await;
    let page = town.anna.get(&address).await;
    assert!(page.text("#timeline").contains("Anna Berg hat sie dem Team Billing zugewiesen"), "{}", page.text("#timeline"));
}

#[tokio::test]
async fn only_who_may_act_on_a_conversation_gives_it_and_only_to_who_may_see_it() {
    let mut town = Town::build().await;
    let address = format!("{}/control", town.house.conversation(MIA));
    let mut cleo = town.house.browser("cleo@example.org").await;
    let strange = cleo.post(&address, &[("team", &town.billing)]).await;
    assert_eq!((strange.status, town.team().await), (404, None));
    let refused = town.anna.post(&address, &[("team", &town.night)]).await;
    assert_eq!((refused.status, town.team().await), (409, None));
    assert!(refused.text("#problem").contains("Nobody in this team"), "{}", refused.text("#problem"));
    for odd in ["999999", "-1"] {
        assert_eq!(town.gives(odd).await, 409, "{odd}");
    }
    assert_eq!(town.gives("x").await, 400);
    assert_eq!(town.anna.submit(&address, &[("team", &town.billing)]).await.status, 403, "forged");
    // A team that is deleted between the form and the ledger.
    let gone = Act::AssignTeam { to: Some(Team { team: TeamId(999_999), name: "Gone".to_owned() }), said: None };
    let act = town.house.ledger.act(town.house.page.id.clone(), person_id(MIA), Some(UserId(1)), gone).await;
    assert!(matches!(act, Err(LedgerError::UnknownTeam)), "{act:?}");
    // What a bot holds is no team's.
    town.house.says("9002", "m_2", "menu").await;
    let bots = format!("{}/control", town.house.conversation("9002"));
    assert_eq!(town.anna.post(&bots, &[("team", &town.billing)]).await.status, 409);
    let none: i64 =
        sqlx::query_scalar("select count(*) from conversation_teams").fetch_one(&town.house.database.pool).await.expect("counted");
    assert_eq!((none, town.assignments().await.len()), (0, 0));
    // Nobody sees more through a team than through their Pages.
    assert_eq!(town.gives(&town.billing.clone()).await, 303);
    let member = "insert into team_members select $1::bigint, user_id from users where email like 'cleo%'";
    let billing: i64 = town.billing.parse().expect("a number");
    sqlx::query(member).bind(billing).execute(&town.house.database.pool).await.expect("a member");
    for query in ["view=open&team=mine".to_owned(), format!("view=open&team={billing}")] {
        assert_eq!(cleo.get(&format!("/inbox?{query}")).await.count("a.row"), 0, "{query}");
    }
    assert_eq!(cleo.get(&town.house.conversation(MIA)).await.status, 404);
}

#[tokio::test]
async fn what_ends_an_assignment_ends_that_of_a_team() {
    let mut town = Town::build().await;
    let control = format!("{}/control", town.house.conversation(MIA));
    let (inbox, bot) = (town.house.page.inbox.clone(), town.house.page.bot.to_string());
    for (how, fields) in [("closed", ("action", "close")), ("released", ("action", "release")), ("passed", ("target", bot.as_str()))] {
        town.house.orders(MIA, Command::Take { app: inbox.clone(), metadata: None }).await;
        assert_eq!(town.team().await, None, "{how}: it comes without a team");
        assert_eq!(town.gives(&town.billing.clone()).await, 303, "{how}");
        assert_eq!(town.team().await.as_deref(), Some("Billing"), "{how}");
        assert_eq!(town.anna.post(&control, &[fields]).await.status, 303, "{how}");
        assert_eq!(town.team().await, None, "{how}");
    }
    // A lease that has ended, found out by the person's next message. Before that, messages change nothing.
    town.house.orders(MIA, Command::Take { app: inbox, metadata: None }).await;
    town.gives(&town.billing.clone()).await;
    town.house.says(MIA, "m_3", "Hello?").await;
    assert_eq!(town.team().await.as_deref(), Some("Billing"));
    let lapse = "update conversations set control = regexp_replace(control, '\"until\":\\d+', '\"until\":1')";
    sqlx::query(lapse).execute(&town.house.database.pool).await.expect("over");
    town.house.says(MIA, "m_4", "Anybody?").await;
    assert_eq!(town.team().await, None);
}

#[tokio::test]
async fn lists_are_filtered_by_team() {
    let mut town = Town::build().await;
    for person in ["9002", "9003"] {
        town.house.says(person, &format!("m_{person}"), "help").await;
        town.house.hands_over(person, "x").await;
    }
    let (billing, parcels) = (town.billing.clone(), town.parcels.clone());
    assert_eq!(town.gives(&billing).await, 303);
    let other = format!("{}/control", town.house.conversation("9002"));
    assert_eq!(town.anna.post(&other, &[("team", &parcels)]).await.status, 303);
    for (filter, expected) in [
        (format!("team={billing}"), vec!["9001"]),
        (format!("team={parcels}"), vec!["9002"]),
        ("team=mine".to_owned(), vec!["9001"]),
        ("team=none".to_owned(), vec!["9003"]),
        ("team=none&owner=people&unanswered=1".to_owned(), vec!["9003"]),
        ("team=mine&assignee=me".to_owned(), vec![]),
        ("team=999999".to_owned(), vec![]),
        // What makes no sense is not asked.
        ("team=-1".to_owned(), vec!["9003", "9002", "9001"]),
        ("team=%00".to_owned(), vec!["9003", "9002", "9001"]),
    ] {
        for view in ["open", "unassigned"] {
            assert_eq!(town.people(&format!("view={view}&{filter}")).await, expected, "{view} {filter}");
        }
    }
    let list = town.anna.get("/inbox?view=open&team=mine&unanswered=1").await;
    assert_eq!(list.texts("a.chip.filter > span:first-child"), ["Team: My teams", "Unanswered"]);
    assert_eq!(list.attribute("a.chip.filter", "href").as_deref(), Some("/inbox?view=open&unanswered=1"));
    assert_eq!(list.attribute("#filter-team option[selected]", "value").as_deref(), Some("mine"));
    assert_eq!(list.texts("#filter-team option"), ["Any", "My teams", "None", "Billing", "Night", "Parcels"]);
    assert!(list.attribute("a.row", "href").is_some_and(|row| row.contains("team=mine")));
    assert_eq!(town.anna.get(&format!("/inbox?team={billing}")).await.text("a.chip.filter > span:first-child"), "Team: Billing");
}

#[tokio::test]
async fn a_deleted_team_leaves_its_conversations_and_the_log_still_names_it() {
    let mut town = Town::build().await;
    assert_eq!(town.gives(&town.billing.clone()).await, 303);
    town.house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    let mut rosa = town.house.browser("rosa@example.org").await;
    let address = format!("/settings/teams/{}", town.billing);
    assert_eq!(town.anna.post(&address, &[("action", "delete")]).await.status, 404, "not by an agent");
    assert_eq!(town.team().await.as_deref(), Some("Billing"));
    assert_eq!(rosa.post(&address, &[("action", "delete")]).await.status, 303);
    assert_eq!(town.team().await, None);
    let page = town.anna.get(&town.house.conversation(MIA)).await;
    assert!(!page.text("#holder").contains("Billing"), "{}", page.text("#holder"));
    assert!(page.text("#timeline").contains("assigned it to the team Billing"), "{}", page.text("#timeline"));
    assert_eq!(town.people("view=open&team=none").await, [MIA]);
    assert_eq!(town.gives(&town.billing.clone()).await, 409);
}
