package address

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

func (w *world) replace(t testing.TB, id string, memberships ...*addressv1.ArchiveMembership) (*addressv1.Institution, error) {
	t.Helper()
	answer, err := w.operator(t).ReplaceArchiveMemberships(t.Context(), &addressv1.ReplaceArchiveMembershipsRequest{Id: id, ArchiveMemberships: memberships})
	return answer.GetInstitution(), err
}

// named writes memberships as archive=member.
func named(memberships []*addressv1.ArchiveMembership) []string {
	var all []string
	for _, m := range memberships {
		all = append(all, m.GetArchive()+"="+m.GetMember())
	}
	return all
}

// recording is one that an operator made of an institution's memberships.
type recording struct {
	operator    string
	memberships []string
}

// recordings are those of an institution in their order, as intake opens them. Neither the facts nor the row hold a name in
// clear.
func (w *world) recordings(t testing.TB, id string) []recording {
	t.Helper()
	events := w.Stated(t, &addressv1.ArchiveMembershipsRecorded{})
	all := make([]recording, len(events))
	var row []byte
	require.NoError(t, w.App.QueryRow(t.Context(), `select memberships from institution where principal = $1`, id).Scan(&row))
	for _, e := range events {
		require.Equal(t, id, e.GetSubject())
		fact, opened := &addressv1.ArchiveMembershipsRecorded{}, &addressv1.ArchiveMemberships{}
		require.NoError(t, proto.Unmarshal(e.GetPayload(), fact))
		require.Equal(t, id, fact.GetPrincipal())
		plain, err := w.Env.Sealed.Open(t.Context(), sealedMemberships, id, fact.GetSealedMemberships())
		require.NoError(t, err)
		require.NoError(t, proto.Unmarshal(plain, opened))
		for _, m := range opened.GetMemberships() {
			for _, name := range []string{m.GetArchive(), m.GetMember()} {
				require.NotContains(t, string(e.GetPayload()), name)
				require.NotContains(t, string(row), name)
			}
		}
		all[e.GetOrdinal()-1] = recording{e.GetActor(), named(opened.GetMemberships())}
	}
	return all
}

// Memberships are told with the making of an institution and whenever others take their place, by whom, and sealed.
func TestArchiveMemberships(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	second := []*addressv1.ArchiveMembership{{Archive: archiveName, Member: "가상상사\u3000총무과"}, {Archive: "시험용 둘째 보관소", Member: "\u1100\u1161상사"}}
	now, err := w.replace(t, id, second...)
	require.NoError(t, err)
	want := []string{archiveName + "=가상상사 총무과", "시험용 둘째 보관소=가상사"}
	require.Equal(t, want, named(now.GetArchiveMemberships()))
	_, err = w.replace(t, id, second[1], second[0], second[0])
	require.NoError(t, err, "those that are recorded already")
	shown, err := w.operator(t).GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, want, named(shown.GetInstitution().GetArchiveMemberships()))

	require.Equal(t, []recording{{operator, []string{archiveName + "=가상상사 문서과"}}, {operator, want}}, w.recordings(t, id))
}

// Each thing that keeps memberships out is named.
func TestArchiveMembershipsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	good := &addressv1.ArchiveMembership{Archive: archiveName, Member: "가상상사"}
	const field = "archiveMemberships"
	for name, tt := range map[string]struct {
		id          string
		memberships []*addressv1.ArchiveMembership
		reason      string
		fields      []string
	}{
		"nobody":     {uuid.NewString(), []*addressv1.ArchiveMembership{good}, "INSTITUTION_NOT_FOUND", nil},
		"none":       {id, nil, "INVALID_REQUEST", []string{field}},
		"six":        {id, slices.Repeat([]*addressv1.ArchiveMembership{good}, 6), "INVALID_REQUEST", []string{field}},
		"no archive": {id, []*addressv1.ArchiveMembership{{Member: "가상상사"}}, "INVALID_REQUEST", []string{field + "[0].archive"}},
		"a name that shows nothing, one of 101 characters and one with a line break": {id, []*addressv1.ArchiveMembership{
			good, {Archive: "\u3000", Member: strings.Repeat("가", 101)}, {Archive: archiveName, Member: "가상\n상사"},
		}, "INVALID_REQUEST", []string{field + "[1].archive", field + "[1].member", field + "[2].member"}},
	} {
		_, err := w.replace(t, tt.id, tt.memberships...)
		require.Equal(t, tt.reason, fault.ReasonOf(err), name)
		var fields []string
		for _, v := range fault.As(err).Violations {
			fields = append(fields, v.Field)
			require.NotContains(t, v.Message, "가상")
		}
		require.ElementsMatch(t, tt.fields, fields, name)
	}
	hundred := strings.Repeat("\u1100\u1161", 100)
	_, err := w.replace(t, id, &addressv1.ArchiveMembership{Archive: hundred, Member: hundred})
	require.NoError(t, err, "100 characters, however they are typed")
}

// Operators at once: each record has its number, and the last of them stands.
func TestArchiveMembershipsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	var all sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.replace(t, id, &addressv1.ArchiveMembership{Archive: archiveName, Member: "과 " + strings.Repeat("나", i+1)})
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	told := w.recordings(t, id)
	require.Len(t, told, 7)
	shown, err := w.operator(t).GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, told[6].memberships, named(shown.GetInstitution().GetArchiveMemberships()))
}
