//! No statement is waited for without end.

use std::time::Duration;

use tokio::time::timeout;

use super::DatabaseError;

/// Longer than the server waits for any lock.
pub(super) const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn within<T>(
    after: Duration,
    operation: &'static str,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, DatabaseError> {
    match timeout(after, work).await {
        Ok(result) => result.map_err(|source| DatabaseError::Statement { operation, source }),
        Err(_) => Err(DatabaseError::Deadline { operation, after }),
    }
}
