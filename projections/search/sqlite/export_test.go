package sqlite

// SetCommon says how many products may have some words before these are common.
func (x *Index) SetCommon(n int) { x.common = n }
