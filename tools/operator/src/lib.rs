//! Commands for the operator of the tables, who holds AWS credentials and passes every function.

pub mod fsck;
pub mod manual;
pub mod terminal;
