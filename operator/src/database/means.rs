//! What a server lets its user do when `netplan_success` is written.

use multinic_operator_core::table::Schema;
use sqlx::MySqlConnection;

use super::{
    Cause, DatabaseError, change,
    deadline::{STATEMENT_DEADLINE, within},
    session, statement,
};

pub(super) const WRITING: &str = "writing netplan_success";

/// What this server lets this user do, found out when something is first written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    /// Whether rows that others have locked can be passed over.
    pub(super) skips_locked: bool,
    /// Whether the time of a change may be written.
    pub(super) modified_at: bool,
}

impl Means {
    pub(super) async fn find(
        connection: &mut MySqlConnection,
        schema: Schema,
    ) -> Result<Self, DatabaseError> {
        let skip = change::try_skip_locked(&mut *connection, schema);
        let skips_locked = match within(STATEMENT_DEADLINE, WRITING, skip).await {
            Ok(()) => true,
            Err(error) if error.number().is_some() => false,
            Err(error) => return Err(error),
        };
        if !skips_locked {
            within(STATEMENT_DEADLINE, WRITING, session::wait_for_no_lock(connection)).await?;
        }
        let mut modified_at = schema.modified_at;
        if modified_at {
            let update = statement::try_update(connection, Schema::MODIFIED_AT);
            match within(STATEMENT_DEADLINE, WRITING, update).await {
                Err(error) if error.cause() == Cause::Forbidden => modified_at = false,
                // Whatever else is wrong, writing itself will tell.
                Err(error) if error.number().is_none() => return Err(error),
                _ => {}
            }
        }
        Ok(Self { skips_locked, modified_at })
    }
}
