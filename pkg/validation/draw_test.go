package validation

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/proof"
)

func verified(t *testing.T, content []byte) *bundle.Report {
	t.Helper()
	trust, err := bundle.LoadTrust("../../e2e/vectors/trust")
	require.NoError(t, err)
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust, At: time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	return report
}

// The pages tell the verdict, the file, what it states, and every check in both languages, those that failed first.
func TestDraw(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../e2e/vectors/bad/another_document.asice")
	require.NoError(t, err)
	report := verified(t, content)
	s := draw(report, Options{Verifier: "시험용 중계자", Mark: "시험용"})
	require.NoError(t, s.Err())
	all := strings.Join(slices.Concat(s.Texts()...), "")
	for _, want := range []string{
		"유효하지 않음 / NOT VALID", "시험용 중계자", report.Digest, "20260302_NARU000001_0000000000001", "2026-03-03 12:00:00 KST", "2026-03-02 10:10:00 KST",
		"통과하지 못한 확인 / Checks that failed",
	} {
		require.Contains(t, all, want)
	}
	joined := strings.ReplaceAll(all, " ", "")
	failed, passed := strings.Index(all, "Checks that failed"), strings.Index(all, "Checks that passed")
	require.Less(t, failed, passed)
	for _, d := range bundle.DefinitionsOf(bundle.KindBundle) {
		require.Contains(t, joined, strings.ReplaceAll(d.Korean, " ", ""), d.ID)
		at := strings.Index(all, "["+d.ID+"]")
		require.Positive(t, at, d.ID)
		require.Equal(t, report.Check(d.ID).Outcome == proof.NotPassed, at > failed && at < strings.Index(all, "Checks that could not be made"), d.ID)
	}
	for _, page := range s.Texts() {
		require.Contains(t, page, "시험용 — 법적 효력이 없습니다")
	}
}

// Of a bundle in the evidence form the pages also tell what happened, in its order.
func TestDrawTimeline(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../e2e/vectors/good/evidence.asice")
	require.NoError(t, err)
	s := draw(verified(t, content), Options{Verifier: "시험용 중계자"})
	require.NoError(t, s.Err())
	all := strings.Join(slices.Concat(s.Texts()...), " ")
	_, rest, found := strings.Cut(all, "처리 이력 / Timeline")
	require.True(t, found)
	for _, want := range []string{
		"2026-03-02 09:59:00 KST", "발송요청 접수", "2026-03-02 10:00:01 KST", "전자문서센터 등록", "2026-03-02 10:10:01 KST", "송신, 수신", "유통정보 등록",
		"2026-03-02 10:30:00 KST", "열람 / read",
	} {
		_, rest, found = strings.Cut(rest, want)
		require.True(t, found, want)
	}
}
