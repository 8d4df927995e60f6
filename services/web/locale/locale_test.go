package locale_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/authn"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/locale"
)

// unmet are the reasons that no page meets, because only others call what answers them: institutions, viewing systems, agents and
// operators.
func unmet() []string {
	return []string{
		"UNSPECIFIED", "INSTITUTION_DIFFERS", "INSTITUTION_NOT_FOUND", "WITHOUT_ADDRESS", "NO_FIGURES", "ADDRESS_NOT_REFUSED", "IDENTITY_NOT_FOUND", "IDENTITIES_DIFFER", "IDENTITY_IS_MEMBER",
		"APPLICATION_NOT_FOUND", "APPLICATION_CONFIRMED", "APPLICATION_REFUSED", "ORGANISATION_NOT_FOUND", "PAPERS_GONE", "VIEWING_SYSTEM_FOREIGN",
		"CERTIFICATE_MALFORMED", "CERTIFICATE_FORGED", "CERTIFICATE_FOREIGN", "CERTIFICATE_EXPIRED", "CERTIFICATE_HASH_DIFFERS", "CERTIFICATE_NOT_UPLOADED",
		"BATCH_TOO_LARGE", "CERTIFICATE_OWNER_DIFFERS", "VIEWING_HOST_FOREIGN", "CERTIFICATE_REVOKED", "CERTIFICATE_NOT_CHECKABLE", "CONTENT_NOT_FOUND", "CONTENT_DAMAGED",
		"SENDER_UNKNOWN", "TOO_MANY_AUTHORISATIONS", "REQUEST_DIFFERS",
	}
}

// Every reason that a page can meet has a sentence, and what to do, in both languages.
func TestReasons(t *testing.T) {
	t.Parallel()
	reasons := []string{
		authn.ReasonTokenMissing.String(), authn.ReasonTokenInvalid.String(), authn.ReasonTokenExpired.String(), authn.ReasonKindNotPermitted.String(),
		authn.ReasonScopeMissing.String(), authn.ReasonUnitNotPermitted.String(), authn.ReasonKeySetUnavailable.String(),
	}
	for _, enum := range []protoreflect.Enum{
		addressv1.Reason(0), certificatev1.Reason(0), contentv1.Reason(0), deliveryv1.Reason(0), intakev1.Reason(0), statusv1.Reason(0), viewingv1.Reason(0),
	} {
		values := enum.Descriptor().Values()
		for i := range values.Len() {
			reasons = append(reasons, strings.TrimPrefix(string(values.Get(i).Name()), "REASON_"))
		}
	}
	var missing []string
	for _, reason := range reasons {
		problem, known := locale.ProblemOf(reason)
		if slices.Contains(unmet(), reason) {
			continue
		}
		if !known {
			missing = append(missing, reason)
			continue
		}
		for _, language := range []locale.Language{locale.Korean, locale.English} {
			require.NotEmpty(t, language.Say(problem.What), reason)
			require.NotEmpty(t, language.Say(problem.Do), reason)
		}
	}
	require.Empty(t, missing, "nobody has written what these mean")
}

// A sender reads every state of its document, and everything that status tells of its way.
func TestSent(t *testing.T) {
	t.Parallel()
	values := statusv1.DocumentState(0).Descriptor().Values()
	for i := 1; i < values.Len(); i++ { // 0 is for no state
		_, known := locale.SentState(string(values.Get(i).Name()))
		require.True(t, known, values.Get(i).Name())
	}
	migrations, err := filepath.Glob("../../status/migrations/*.sql")
	require.NoError(t, err)
	kinds := 0
	for _, file := range migrations {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range kindRow.FindAllSubmatch(raw, -1) {
			kinds++
			_, known := locale.SentStep(string(found[1]))
			require.True(t, known, string(found[1]))
		}
	}
	require.GreaterOrEqual(t, kinds, 22, "the table of kinds is written in another way")
}

// kindRow is a row of status's table of kinds.
var kindRow = regexp.MustCompile(`\(\d+,\s+'(naru\.[a-z]+\.v1\.[A-Za-z]+)'`)

// Nothing calls the operator or an address certified: Naru is certified by nobody (Act 38).
func TestUnlicensed(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"*.go", "../internal/ui/*.templ", "../assets/ts/*.ts"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		files = append(files, found...)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(raw)) {
			if !strings.HasPrefix(strings.TrimSpace(line), "//") && !strings.HasSuffix(file, "_test.go") {
				require.NotContains(t, line, "공인", file)
			}
		}
	}
}

// Times are Korea's, and say so.
func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 20, 5, 0, 0, time.UTC)
	require.Equal(t, "2026년 12월 1일 05:05 (한국 표준시)", locale.Korean.Time(at))
	require.Equal(t, "1 December 2026, 05:05 KST", locale.English.Time(at))
	require.Equal(t, "2026-12-01", locale.Day(at))
	begins, ok := locale.DayOf("2026-12-01")
	require.True(t, ok)
	require.Equal(t, time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC), begins.UTC())
	_, ok = locale.DayOf("2026-13-01")
	require.False(t, ok)
}

// The browser's wish decides, by weight; Korean is for everybody else.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]locale.Language{
		"": locale.Korean, "fr": locale.Korean, "en-US,en;q=0.9": locale.English, "ko-KR,en;q=0.9": locale.Korean, "en;q=0.1, ko;q=0.2": locale.Korean,
		"en;q=0": locale.Korean, "EN": locale.English, "en;q=x": locale.English, ",;,": locale.Korean,
	} {
		require.Equal(t, want, locale.Accepted(header), header)
	}
}
