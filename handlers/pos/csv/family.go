package csv

import (
	"fmt"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// family is what the rows of one product say of it as a whole. Each of them says
// it, and the last row decides.
type family struct {
	handle string
	row    int
	said   domain.Description
}

// next takes the next row, and remarks on what it says otherwise than the row
// before it of the same product.
func (f *family) next(e *domain.ProductImported) []string {
	before := *f
	if e.Handle == nil || *e.Handle == "" {
		*f = family{}
		return nil
	}
	*f = family{*e.Handle, e.Import.Row, e.Description}
	if before.handle != f.handle {
		return nil
	}
	var differ []string
	note := func(is bool, column string) {
		if is {
			differ = append(differ, column)
		}
	}
	was, is := before.said, f.said
	note(was.Name != is.Name, "name")
	note(was.Description != nil && *was.Description != *is.Description, "description")
	note(was.Brand != nil && *was.Brand != *is.Brand, "brand_name")
	note(was.Active != nil && *was.Active != *is.Active, "active")
	note(was.TrackInventory != nil && *was.TrackInventory != *is.TrackInventory, "track_inventory")
	if differ == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s: otherwise than in row %d, of the same handle: the last row of a product decides", strings.Join(differ, ", "), before.row)}
}
