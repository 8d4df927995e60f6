package certpdf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/distcert"
)

var composedAt = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func compact() *distcert.Content {
	return &distcert.Content{
		CertNum: "2026-0302-0001-0042", EdocNum: "20260302_NARU000001_0000000000042", Title: "고지서",
		Sender:    distcert.Party{Address: "sender-address", PlatformID: "sender-platform", Name: "가상구청"},
		Recipient: distcert.Party{Address: "recipient-address", PlatformID: "recipient-platform"},
		SentAt:    composedAt, ReceivedAt: composedAt.Add(time.Second), Hash: strings.Repeat("a", 64),
		Applicant: "applicant-address", IssuedAt: composedAt.Add(time.Hour), ValidUntil: composedAt.AddDate(1, 0, 0),
	}
}

// Every content group of Decree 2-5 ② is on the page, with times in KST seconds, and absent values are stated as absent.
func TestComposeShowsEveryGroup(t *testing.T) {
	t.Parallel()
	s, err := compose(compact())
	require.NoError(t, err)
	require.Len(t, s.Texts(), 1)
	for _, want := range []string{
		"2026-0302-0001-0042", "20260302_NARU000001_0000000000042", "고지서", "가상구청", notStated,
		"sender-address", "sender-platform", "recipient-address", "recipient-platform", "applicant-address",
		"2026-03-02 10:02:03", "2026-03-02 10:02:04", notViewed, "2026-03-02 11:02:03 ~ 2027-03-02 10:02:03",
		strings.Repeat("a", 64), "첨부 없음",
	} {
		require.Contains(t, s.Texts()[0], want)
	}
	viewed := compact()
	viewed.ReadAt = composedAt.Add(2 * time.Second)
	s, err = compose(viewed)
	require.NoError(t, err)
	require.Contains(t, s.Texts()[0], "2026-03-02 10:02:05")
	require.NotContains(t, s.Texts()[0], notViewed)
}

// The largest content takes several pages. Each is marked and numbered, and nothing overflows a page.
func TestComposeMarksEveryPage(t *testing.T) {
	t.Parallel()
	c := compact()
	c.Title, c.Reason = strings.Repeat("긴", 100), strings.Repeat("사", 200)
	for _, p := range []*distcert.Party{&c.Sender, &c.Recipient} {
		p.Address, p.SubAddress, p.Name = strings.Repeat("W", 100), strings.Repeat("주", 100), strings.Repeat("이", 100)
	}
	for range 10 {
		c.AttachmentHashes = append(c.AttachmentHashes, strings.Repeat("b", 64))
	}
	s, err := compose(c)
	require.NoError(t, err)
	require.Len(t, s.Texts(), 2)
	all := strings.Join(slices.Concat(s.Texts()...), "")
	require.Equal(t, 100, strings.Count(all, "긴"))
	require.Equal(t, 200+strings.Count(strings.Join(s.Texts()[0], ""), "발급 사유"), strings.Count(all, "사"))
	require.Equal(t, 10, strings.Count(all, strings.Repeat("b", 64)))
	for i, page := range s.Texts() {
		require.Contains(t, page, "시험용 — 법적 효력이 없습니다")
		require.Contains(t, page, "시험용   ·   2026-0302-0001-0042   ·   "+[]string{"1", "2"}[i]+" / 2 쪽")
		watermarks := 0
		for _, text := range page {
			if text == "시험용  시험용" {
				watermarks++
			}
		}
		require.Equal(t, 2, watermarks)
	}
}
