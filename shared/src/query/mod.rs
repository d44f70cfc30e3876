//! Reading by time: filters, pages, cursors, and the index that serves a filter.

pub mod criteria;
pub mod page;
pub mod plan;
