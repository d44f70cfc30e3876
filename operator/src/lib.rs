//! What an operator does with AWS credentials, past every function: for the commands of this crate, and for
//! tests.

pub mod fsck;
