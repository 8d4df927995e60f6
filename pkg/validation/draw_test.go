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
	"github.com/naru-relay/naru/pkg/viewinglog"
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
	s := draw(report, Options{Verifier: "시험용 중계자", Mark: "시험용"}, true)
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
	s := draw(verified(t, content), Options{Verifier: "시험용 중계자"}, true)
	require.NoError(t, s.Err())
	all := strings.Join(slices.Concat(s.Texts()...), " ")
	_, rest, found := strings.Cut(all, "처리 이력 / Timeline")
	require.True(t, found)
	for _, want := range []string{
		"2026-03-02 09:59:00 KST", "발송요청 접수", "2026-03-02 10:00:01 KST", "전자문서센터 등록", "2026-03-02 10:10:01 KST", "송신, 수신", "유통정보 등록",
		"2026-03-02 10:30:02 KST", "열람 보고 / read, reported",
	} {
		_, rest, found = strings.Cut(rest, want)
		require.True(t, found, want)
	}
}

// Receipts and extracts of viewing logs tell what they state, whatever they hold; what cannot be written is no reason for none.
func TestDrawTexts(t *testing.T) {
	t.Parallel()
	trust, err := bundle.LoadTrust("../../e2e/vectors/trust")
	require.NoError(t, err)
	for file, wants := range map[string][]string{
		"good/receipt.txt":          {"접수증 / receipt of acceptance", "유효함 / VALID", "20260302_NARU000001_0000000000001", "2026-03-02 10:10:00 KST", "own-1", "시험용 중계자"},
		"bad/receipt_truncated.txt": {"유효하지 않음 / NOT VALID", "20260302_NARU000001_0000000000003", "[receipt.form]"},
		"bad/receipt_cut_off.txt":   {"Nothing that could be read", "[receipt.form]"},
		"good/viewing_log.txt": {"열람 기록 확인서 / extract of a viewing log", "수신자 / the recipient", "2. 열람인증토큰 발급 / token given 2026-03-02 10:28:00 KST (relay)",
			"열람일시 / read time 2026-03-02 10:30:00 KST"},
		"good/viewing_log_empty.txt":            {"No viewing token was given"},
		"good/viewing_log_part.txt":             {"a part of a longer log", "502. "},
		"bad/viewing_log_time_re_spelled.txt":   {"2026-03-02T03:00:00Z", "[viewing_log.form]"},
		"bad/receipt_number_of_another_day.txt": {"[receipt.number]"},
	} {
		content, err := os.ReadFile("../../e2e/vectors/" + file)
		require.NoError(t, err)
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust, At: time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		for _, odd := range []string{"", "\x1b[31m\x00\u202e\U0001f4a9" + strings.Repeat("긴", 3000)} {
			if report.Receipt != nil {
				report.Receipt.OwnKey += odd
				report.Receipt.Sender = ""
			}
			if report.ViewingLog != nil {
				report.ViewingLog.RecipientAddress += odd
				report.ViewingLog.DocumentHash = viewinglog.Digest{}
			}
			s := draw(report, Options{Verifier: "시험용 중계자"}, true)
			require.NoError(t, s.Err(), file)
			all := strings.Join(slices.Concat(s.Texts()...), "")
			for _, want := range wants {
				require.Contains(t, strings.ReplaceAll(all, " ", ""), strings.ReplaceAll(want, " ", ""), file)
			}
			_, err = s.Bytes()
			require.NoError(t, err, file)
		}
	}
}

// A report in one language has none of the other but the words of the report for machines, and tells the same.
func TestDrawInOneLanguage(t *testing.T) {
	t.Parallel()
	trust, err := bundle.LoadTrust("../../e2e/vectors/trust")
	require.NoError(t, err)
	for _, file := range []string{"good/submission.asice", "bad/another_document.asice", "good/receipt.txt", "good/viewing_log.txt", "good/viewing_log_empty.txt"} {
		content, err := os.ReadFile("../../e2e/vectors/" + file)
		require.NoError(t, err)
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust, At: time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)})
		require.NoError(t, err)
		for language, verdict := range map[Language]string{Korean: "유효함", English: "VALID"} {
			s := draw(report, Options{Verifier: "verifier", Language: language}, true)
			require.NoError(t, s.Err())
			all := strings.ReplaceAll(strings.Join(slices.Concat(s.Texts()...), ""), " ", "")
			if report.Valid {
				require.Contains(t, all, verdict+"—", file)
			}
			for _, c := range report.Checks {
				words := bundle.DefinitionOf(c.ID)
				require.Contains(t, all, "["+c.ID+"]")
				require.Equal(t, language == Korean, strings.Contains(all, strings.ReplaceAll(words.Korean, " ", "")), c.ID)
				require.Equal(t, language == English, strings.Contains(all, strings.ReplaceAll(words.English, " ", "")), c.ID)
			}
		}
	}
}
