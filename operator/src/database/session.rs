//! How a session is set up: nothing that matters is left to the defaults of the server.

use sqlx::MySqlConnection;

use super::DatabaseError;

/// Without these, what is read is not what is committed, or is not all of it, or what is written is lost.
const REQUIRED: [&str; 4] = [
    "SET SESSION sql_mode = ''",
    "SET SESSION autocommit = 1",
    // One statement is one snapshot all the same, and a write locks no row that it only passes.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    // `DEFAULT` would be whatever is set for everybody.
    "SET SESSION sql_select_limit = 18446744073709551615",
];

/// Good to have, where the server knows it and lets us.
const WANTED: [&str; 9] = [
    "SET SESSION TRANSACTION READ WRITE",
    "SET SESSION completion_type = 0",
    "SET SESSION sql_safe_updates = 0",
    "SET SESSION sql_big_selects = 1",
    // Not 0: after that, and a lock that was passed over, MariaDB 10.11 takes no COMMIT.
    "SET SESSION innodb_lock_wait_timeout = 1",
    // For ALTER TABLE, in seconds. The default is a day.
    "SET SESSION lock_wait_timeout = 4",
    // What we no longer wait for ends at the server too: MariaDB in seconds, MySQL in milliseconds.
    "SET SESSION max_statement_time = 25",
    "SET SESSION max_execution_time = 25000",
    // The connection is kept from one reading to the next.
    "SET SESSION wait_timeout = 28800",
];

/// For a server whose binary log has statements and takes nothing less.
const REPEATABLE_READ: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

/// Sets up a new session.
pub(super) async fn set_up(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    for setting in REQUIRED {
        sqlx::raw_sql(setting).execute(&mut *connection).await?;
    }
    for setting in WANTED {
        match sqlx::raw_sql(setting).execute(&mut *connection).await {
            Ok(_) | Err(sqlx::Error::Database(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// From now on waits for no lock, so that nobody waits for what we hold while we wait. Servers that cannot do that make
/// it 1 s.
pub(super) async fn wait_for_no_lock(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("SET SESSION innodb_lock_wait_timeout = 0").execute(connection).await.map(drop)
}

/// Whether `error` says that the binary log does not take what READ COMMITTED writes.
pub(super) fn needs_repeatable_read(error: &DatabaseError) -> bool {
    // ER_BINLOG_STMT_MODE_AND_ROW_ENGINE
    error.number() == Some(1665)
}

pub(super) async fn repeat_reads(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(REPEATABLE_READ).execute(connection).await.map(drop)
}
