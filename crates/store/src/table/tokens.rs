//! API tokens: only a hash of the secret is stored.
//!
//! Invariant: one that stands for the work of a process counts as long as that lives, whenever it was written. Its row goes
//! with that of the process ([`super::processes`]).

use nephele_model::Timestamp;

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::field::{Resource, Tenancy, text, time};
use crate::write::{self, insertable};

/// The records of `GET /tokens`: the caller's own.
pub static RESOURCE: Resource = Resource { tenancy: Tenancy::User, ..EVERYONES };

/// The same of every user.
pub static EVERYONES: Resource = Resource {
    search: None,
    tenancy: Tenancy::Everyone,
    order: &["r.created_at", "r.id"],
    ..Resource::new(
        "Token",
        "tokens",
        &[
            text("id"),
            text("username").of(&[("user_id", "users")], "username"),
            text("value").sql("concat('ctok-', r.id, '-********')").shown(),
            text("role").of(&[("user_id", "users")], "system_role"),
            time("expiration_date"),
            time("last_used"),
            text("description"),
        ],
    )
};

row! {
    /// A token.
    pub struct Token {
        /// The part of the token that is not secret.
        id: String,
        /// The secret part's hash.
        secret_hash: String,
        /// What it is for.
        description: Option<String>,
        /// When it was made.
        created_at: Timestamp,
        /// When it was last shown.
        last_used: Option<Timestamp>,
        /// When it ends.
        expiration_date: Option<Timestamp>,
        /// Whose it is.
        user_id: i64,
    }
}

insertable! {
    /// A token to insert.
    pub struct NewToken into "tokens" {
        /// The part of the token that is not secret.
        id: String,
        /// The secret part's hash.
        secret_hash: String,
        /// What it is for.
        description: Option<String>,
        /// When it was made.
        created_at: Timestamp,
        /// When it ends.
        expiration_date: Option<Timestamp>,
        /// Whose it is.
        user_id: i64,
        /// The process for whose work it stands.
        process: Option<i64>,
    }
}

/// The token with this id.
pub async fn find(db: &dyn Db, id: &str) -> Result<Option<Token>> {
    let text = format!(
        "SELECT {} FROM tokens r WHERE r.id = $1 \
         AND (r.process IS NULL OR EXISTS (SELECT 1 FROM processes p WHERE p.id = r.process))",
        Token::COLUMNS
    );
    db.first(text, values![id]).await
}

/// Stores a token.
pub async fn insert(db: &dyn Db, token: NewToken) -> Result<()> {
    write::insert_all(db, vec![token]).await
}

/// Notes that the token was shown just now.
pub async fn touch(db: &dyn Db, id: &str) -> Result<()> {
    db.run("UPDATE tokens SET last_used = $2 WHERE id = $1", values![id, db.now()]).await?;
    Ok(())
}

/// Deletes a token; of this user only, if one is given. Gives whether it was there.
pub async fn delete(db: &dyn Db, user_id: Option<i64>, id: &str) -> Result<bool> {
    let text = "DELETE FROM tokens WHERE id = $1 AND user_id = coalesce($2, user_id)";
    Ok(db.run(text, values![id, user_id]).await? > 0)
}

/// Deletes a user's tokens that have ended.
pub async fn delete_expired(db: &dyn Db, user_id: i64) -> Result<u64> {
    db.run("DELETE FROM tokens WHERE user_id = $1 AND expiration_date < $2", values![user_id, db.now()]).await
}
