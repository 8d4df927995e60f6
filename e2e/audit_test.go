package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
)

// A row that somebody changes by days in a unit's tables, with rights that no unit has, is named by naru audit: the unit, the row and the column.
func TestAuditNamesAChangedRow(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	shown, body := stack.Open(t, recipient.ViewingToken(t, document.EdocNum).URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() && s.ReadTimeRegistered() })

	for _, tc := range []struct{ unit, table, column string }{
		{"intake", "document", "accepted_at"},
		{"address", "open_document", "send_deadline"},
		{"delivery", "delivery", "viewing_deadline"},
		{"circulation", "circulation_record", "registration_acknowledged_at"},
		{"status", "document_summary", "accepted_at"},
		{"viewing", "read_time", "reported_at"},
	} {
		t.Run(tc.unit, func(t *testing.T) {
			change := func(by string) {
				stack.Tamper(t, `update `+tc.unit+`.`+tc.table+` set `+tc.column+` = `+tc.column+` `+by+` interval '3 days' where edoc_num = $1`, document.EdocNum)
			}
			named := audit.Violation{Unit: tc.unit, Code: audit.RowDiffers, Subject: tc.table + " " + document.EdocNum, Detail: tc.column + " does not follow from the facts"}
			require.NotContains(t, stack.Differences(context.WithoutCancel(t.Context()), t), named)
			change("+")
			found := stack.Differences(context.WithoutCancel(t.Context()), t)
			change("-")
			require.Contains(t, found, named)
		})
	}
}
