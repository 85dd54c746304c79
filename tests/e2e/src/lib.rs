//! Tests of the whole system live in `tests/it`; there is no library code here.
