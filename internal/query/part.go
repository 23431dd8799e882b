package query

// Part returns one of the filter's conditions, or a join of them, as a filter of its own:
// for who evaluates a filter piece by piece. x is a node of f's expression.
func (f *Filter) Part(x Expr) *Filter { return newFilter(x) }
