"""Everything that shows States; surfaces are handed them and fetch nothing."""
