//! Tags: the list of them that admins keep.

use super::label::Label;
use super::{Store, StoreError};

/// A tag's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub i64);

/// A colour of the palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Red.
    Red,
    /// Orange.
    Orange,
    /// Yellow.
    Yellow,
    /// Green.
    Green,
    /// Teal.
    Teal,
    /// Blue.
    #[default]
    Blue,
    /// Violet.
    Violet,
    /// Grey.
    Grey,
}

impl Colour {
    /// The palette, in the order in which it is shown.
    pub const ALL: [Self; 8] = [Self::Red, Self::Orange, Self::Yellow, Self::Green, Self::Teal, Self::Blue, Self::Violet, Self::Grey];

    /// The name in forms, in the style sheet and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Blue => "blue",
            Self::Violet => "violet",
            Self::Grey => "grey",
        }
    }

    /// Reads a colour's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.as_str() == name)
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its number.
    pub tag: TagId,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// No longer offered.
    pub archived: bool,
}

/// What became of a change to the list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagChange {
    /// It is done.
    Done,
    /// Another tag has the name; nothing was changed.
    NameTaken,
    /// There is no such tag.
    Missing,
}

/// A row of `tags`, unread.
pub(super) struct RawTag {
    pub tag_id: i64,
    pub name: String,
    pub colour: String,
    pub archived: bool,
}

impl TryFrom<RawTag> for Tag {
    type Error = StoreError;

    fn try_from(row: RawTag) -> Result<Self, StoreError> {
        let colour = Colour::parse(&row.colour);
        let colour = colour.ok_or_else(|| StoreError::inconsistent("tags", "colour", row.tag_id, &row.colour))?;
        Ok(Self { tag: TagId(row.tag_id), name: row.name, colour, archived: row.archived })
    }
}

impl Store {
    /// All tags, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        let rows = sqlx::query_as!(
            RawTag,
            r#"select tag_id, name, colour, archived_at is not null as "archived!" from tags order by lower(name), tag_id"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Tag::try_from).collect()
    }

    /// Makes a tag.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_tag(&self, name: &Label, colour: Colour) -> Result<TagChange, StoreError> {
        let done = sqlx::query!("insert into tags (name, colour) values ($1, $2)", name.as_str(), colour.as_str());
        changed(done.execute(&self.pool).await)
    }

    /// Gives a tag another name and colour.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_tag(&self, tag: TagId, name: &Label, colour: Colour) -> Result<TagChange, StoreError> {
        let done = sqlx::query!("update tags set name = $2, colour = $3 where tag_id = $1", tag.0, name.as_str(), colour.as_str());
        changed(done.execute(&self.pool).await)
    }

    /// Offers a tag no longer, or again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn archive_tag(&self, tag: TagId, archived: bool) -> Result<TagChange, StoreError> {
        let done = sqlx::query!(
            "update tags set archived_at = case when $2 then coalesce(archived_at, now()) end where tag_id = $1",
            tag.0,
            archived
        );
        changed(done.execute(&self.pool).await)
    }
}

fn changed(done: Result<sqlx::postgres::PgQueryResult, sqlx::Error>) -> Result<TagChange, StoreError> {
    match done {
        Ok(done) if done.rows_affected() == 0 => Ok(TagChange::Missing),
        Ok(_) => Ok(TagChange::Done),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(TagChange::NameTaken),
        Err(error) => Err(error.into()),
    }
}
