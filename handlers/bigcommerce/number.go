package bigcommerce

import (
	"fmt"

	"github.com/govalues/decimal"
)

// Number is an exact decimal that travels as a JSON number. BigCommerce keeps four decimals and rounds the rest
// (10.99999 is stored as 11), so a caller that compares what it sent with what it reads must round to four first.
//
// Decoding also accepts a number written as a string, which some BigCommerce services do.
type Number struct {
	decimal.Decimal
}

// ParseNumber reads a plain decimal such as "12.50". It refuses what is not a number and what has more than 19 digits.
func ParseNumber(s string) (Number, error) {
	d, err := decimal.Parse(s)
	if err != nil {
		return Number{}, fmt.Errorf("%q is not a decimal number: %w", s, err)
	}
	return Number{d}, nil
}

// MarshalJSON writes a JSON number without trailing zeros; decimal.Decimal would write a string.
func (n Number) MarshalJSON() ([]byte, error) {
	return n.Trim(0).MarshalText()
}
