//! Reading by time: filters, pages, cursors, and the choice of an index.

pub mod criteria;
pub mod page;
pub mod plan;
