//! How well an app answers, written under the Page's head because the rules of control ask for it.

use std::time::Duration;

use super::delivery::SubscriptionKey;
use super::{Store, StoreError};

/// What has become known of an app's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthChange {
    /// Everything to it fails, and has for so long.
    Down(Duration),
    /// It answers again.
    Up,
    /// It is to be delivered to no longer, for this reason, until an admin says otherwise.
    Disabled(String),
}

impl Store {
    /// Records it, if the lease still holds. False: it does not, and nothing was written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_health(&self, subscription: &SubscriptionKey, generation: i64, change: &HealthChange) -> Result<bool, StoreError> {
        let (page, app) = (subscription.0.as_str(), subscription.1.as_str());
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select page_id from pages where page_id = $1 for update", page).fetch_optional(&mut *transaction).await?;
        let held = sqlx::query_scalar!(
            r#"select exists (select from cursors where page_id = $1 and app_id = $2 and generation = $3) as "held!""#,
            page,
            app,
            generation
        )
        .fetch_one(&mut *transaction)
        .await?;
        if !held {
            return Ok(false);
        }
        let (down_for, reason) = match change {
            HealthChange::Down(age) => (Some(age.as_secs_f64()), None),
            HealthChange::Up => (None, None),
            HealthChange::Disabled(reason) => (None, Some(reason.as_str())),
        };
        sqlx::query!(
            "update subscriptions set down_since = clock_timestamp() - $3::float8 * interval '1 second',
                    disabled_at = case when $4::text is null then disabled_at else clock_timestamp() end,
                    disabled_reason = coalesce($4::text, disabled_reason),
                    may_return = may_return or (disabled_at is null and $4::text is not null)
             where page_id = $1 and app_id = $2",
            page,
            app,
            down_for,
            reason
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("update pages set rules_version = rules_version + 1 where page_id = $1", page).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
