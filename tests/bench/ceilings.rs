//! Ceilings: what this machine can do without the service, measured in the same run.

pub(crate) mod answering;
pub(crate) mod bare_sqlite;
pub(crate) mod pgbench;
pub(crate) mod shapes;
