package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/proof"
)

const vectors = "../../e2e/vectors/"

var at = time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(vectors, path))
	require.NoError(t, err)
	return content
}

func trust(t testing.TB) *bundle.Trust {
	t.Helper()
	trust, err := bundle.LoadTrust(vectors + "trust")
	require.NoError(t, err)
	return trust
}

func statementOf(t testing.TB, container []byte) []byte {
	t.Helper()
	c, err := asic.Open(bytes.NewReader(container), int64(len(container)))
	require.NoError(t, err)
	raw, err := c.Read("bundle.json", 1<<20)
	require.NoError(t, err)
	return raw
}

// Each check is told once, in the order of the definitions, whatever was given; nothing that is no bundle is valid.
func TestEveryCheckIsTold(t *testing.T) {
	t.Parallel()
	good := read(t, "good/submission.asice")
	for name, content := range map[string][]byte{
		"good": good, "empty": nil, "a PDF": read(t, "good/document.pdf"), "cut off": good[:len(good)/2], "an archive with no files": []byte("PK\x05\x06" + strings.Repeat("\x00", 18)),
	} {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust(t), At: at})
		require.NoError(t, err, name)
		require.Equal(t, name == "good", report.Valid, name)
		var told, defined []string
		for _, c := range report.Checks {
			told = append(told, c.ID)
		}
		require.Equal(t, name == "a PDF", report.Kind == bundle.KindDistribution)
		for _, d := range bundle.DefinitionsOf(report.Kind) {
			defined = append(defined, d.ID)
			require.NotEmpty(t, d.Korean, d.ID)
			require.NotEmpty(t, d.English, d.ID)
		}
		require.Equal(t, defined, told, name)
	}
}

// The page for those who are given bundles lists the checks as they are.
func TestDocumentedChecks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/bundle.md")
	require.NoError(t, err)
	var table strings.Builder
	table.WriteString("<!-- checks -->\n| id | step | optional | what it means that it passed |\n|---|---|---|---|\n")
	for _, d := range bundle.Definitions() {
		optional := map[bool]string{true: "yes"}[d.Optional]
		fmt.Fprintf(&table, "| `%s` | %d | %s | %s |\n", d.ID, d.Step, optional, d.English)
	}
	require.Contains(t, string(page), table.String()+"<!-- /checks -->")
}

// A certificate by itself is judged, and held to a document where one is presented.
func TestCertificatesAlone(t *testing.T) {
	t.Parallel()
	container := read(t, "good/submission.asice")
	c, err := asic.Open(bytes.NewReader(container), int64(len(container)))
	require.NoError(t, err)
	part := func(name string) []byte {
		content, err := c.Read(name, 1<<20)
		require.NoError(t, err)
		return content
	}
	trusted := trust(t)
	root := cmstest.NewRoot(t, "시험용 보관소 루트", at)
	signer := root.Signer(t, "다른 보관소", at)
	trusted.Archives = append(trusted.Archives, archivecert.Issuer{Name: "다른 보관소", Profile: archivecert.Format, Roots: root.Pool()})
	hash := hashOf(part("document/document.pdf"))
	statement := archivecert.Statement{
		CertificateNumber: "R-1", DocumentID: "d-1", Issuer: "다른 보관소", Owner: "시험용기관", Hash: hash,
		RegisteredAt: at.Add(-time.Hour), ValidFrom: at.Add(-time.Hour), ValidUntil: at.AddDate(1, 0, 0),
	}
	registration, err := archivecert.IssueRegistration(statement, archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, at.Add(-time.Hour))
	require.NoError(t, err)
	verify := func(content []byte, document string, attachments ...string) *bundle.Report {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trusted, At: at, Document: document, Attachments: attachments})
		require.NoError(t, err)
		require.Len(t, report.Checks, len(bundle.DefinitionsOf(report.Kind)))
		return report
	}
	attachments := []string{hashOf(part("document/attachment01.pdf")), hashOf(part("document/attachment02.pdf"))}
	for _, tc := range []struct {
		kind              bundle.Kind
		content           []byte
		attachments       []string
		form, about, also string
	}{
		{bundle.KindDistribution, part(bundle.DistributionPath), attachments, bundle.CheckDistributionSignature, bundle.CheckDistributionDocument, bundle.CheckDistributionAttachments},
		{bundle.KindOriginal, part(bundle.OriginalPath), attachments, bundle.CheckOriginalSignature, bundle.CheckOriginalDocument, bundle.CheckOriginalAttachments},
		{bundle.KindRegistration, registration, nil, bundle.CheckRegistration, bundle.CheckRegistrationDocument, bundle.CheckRegistrationDocument},
	} {
		alone := verify(tc.content, "")
		require.True(t, alone.Valid, "%s: %v", tc.kind, alone.Checks)
		require.Equal(t, tc.kind, alone.Kind)
		require.Equal(t, proof.NotCheckable, alone.Check(tc.about).Outcome)
		held := verify(tc.content, hash, tc.attachments...)
		require.True(t, held.Valid, "%s: %v", tc.kind, held.Checks)
		require.Equal(t, proof.Passed, held.Check(tc.about).Outcome)
		require.Equal(t, proof.Passed, held.Check(tc.also).Outcome)
		require.Equal(t, []string{tc.about}, verify(tc.content, hashOf(nil), tc.attachments...).Failed(), tc.kind)
		require.Contains(t, verify(tc.content, hash, hashOf(nil)).Failed(), tc.also, tc.kind)
		require.False(t, verify(append(bytes.Clone(tc.content), 0), "").Valid, "%s: something after it", tc.kind)
		for _, place := range []int{len(tc.content) / 3, len(tc.content) / 2, len(tc.content) - 20} {
			changed := bytes.Clone(tc.content)
			changed[place] ^= 1
			require.False(t, verify(changed, "").Valid, "%s: byte %d", tc.kind, place)
		}
	}
	// What is presented is compared, alone or together; what is not presented is not.
	statement.AttachmentHashes = attachments
	registration, err = archivecert.IssueRegistration(statement, archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, at.Add(-time.Hour))
	require.NoError(t, err)
	for _, presented := range []struct {
		document    string
		attachments []string
		outcome     proof.Outcome
	}{
		{hash, nil, proof.Passed}, {"", attachments, proof.Passed}, {hash, attachments, proof.Passed},
		{"", attachments[:1], proof.NotPassed}, {"", []string{hashOf(nil)}, proof.NotPassed}, {hashOf(nil), attachments, proof.NotPassed}, {"", nil, proof.NotCheckable},
	} {
		require.Equal(t, presented.outcome, verify(registration, presented.document, presented.attachments...).Check(bundle.CheckRegistrationDocument).Outcome, presented)
	}
	require.Equal(t, "20260302_NARU000001_0000000000001", verify(part(bundle.DistributionPath), "").Bundle.EdocNum)
	trusted.Archives = trusted.Archives[:1]
	require.Equal(t, []string{bundle.CheckOriginalIssuer}, verify(registration, "").Failed(), "which kind it is stands in what an archive that is not trusted signed")
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// A verifier that trusts nobody does not judge.
func TestNobodyTrusted(t *testing.T) {
	t.Parallel()
	for _, opts := range []bundle.Options{{At: at}, {At: at, Trust: &bundle.Trust{}}, {Trust: trust(t)}} {
		_, err := bundle.Verify(t.Context(), bytes.NewReader(nil), 0, opts)
		require.ErrorContains(t, err, "are required")
	}
	_, err := bundle.LoadTrust(t.TempDir())
	require.ErrorContains(t, err, bundle.TrustFile)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, bundle.TrustFile), []byte("assemblers: {}\n"), 0o600))
	_, err = bundle.LoadTrust(folder)
	for _, missing := range []string{"assemblers.roots", "time_stamps.roots", "hub.", "archives."} {
		require.ErrorContains(t, err, missing, "every problem is told")
	}
}

// A statement says only what has a meaning, in one spelling.
func TestStatement(t *testing.T) {
	t.Parallel()
	good := string(statementOf(t, read(t, "good/submission.asice")))
	s, err := bundle.DecodeStatement([]byte(good))
	require.NoError(t, err)
	again, err := s.Encode()
	require.NoError(t, err)
	require.Equal(t, good, string(again))
	for name, change := range map[string][2]string{
		"format":              {`"naru-bundle/1"`, `"naru-bundle/2"`},
		"serial":              {`"serial":"`, `"serial":"x`},
		"form":                {`"submission"`, `"other"`},
		"form with more":      {`"submission"`, `"evidence"`},
		"white space":         {`{`, `{ `},
		"unknown field":       {`{"format"`, `{"note":"x","format"`},
		"algorithm":           {`"SHA-256"`, `"SHA-1"`},
		"time zone":           {`Z"`, `+00:00"`},
		"place of a part":     {`certificates/original.p7m`, `certificates/other.p7m`},
		"attachment unlisted": {`document/attachment01.`, `document/attachment09.`},
		"no attachment":       {`document/attachment01.`, `document/attachment00.`},
		"attachment twice":    {`document/attachment02.pdf`, `document/attachment01.txt`},
		"role":                {`"role":"document"`, `"role":"note"`},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, changed, name)
		_, err := bundle.DecodeStatement([]byte(changed))
		require.Error(t, err, name)
	}
	evidence, err := bundle.DecodeStatement(statementOf(t, read(t, "good/evidence.asice")))
	require.NoError(t, err)
	evidence.Parts = slices.DeleteFunc(evidence.Parts, func(p bundle.Part) bool { return p.Role == bundle.RoleJournalProof })
	_, err = evidence.Encode()
	require.Error(t, err, "evidence with no proof of the relay's records")
	for i := 1; i < len(s.Parts); i++ {
		other := *s
		other.Parts = slices.Clone(s.Parts)
		other.Parts[i-1], other.Parts[i] = other.Parts[i], other.Parts[i-1]
		_, err = other.Encode()
		require.Error(t, err, "parts %d and %d exchanged", i, i+1)
	}
}

func FuzzDecodeStatement(f *testing.F) {
	for _, path := range []string{"good/submission.asice", "good/not_read.asice", "good/without_attachments.asice"} {
		f.Add(statementOf(f, read(f, path)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := bundle.DecodeStatement(raw)
		if err != nil {
			return
		}
		again, err := s.Encode()
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}

// FuzzVerify changes a whole bundle: whatever comes in, all checks are told, and only the original is valid.
func FuzzVerify(f *testing.F) {
	good, trusted := read(f, "good/without_attachments.asice"), trust(f)
	f.Add(good)
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, content []byte) {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trusted, At: at})
		require.NoError(t, err)
		require.Len(t, report.Checks, len(bundle.DefinitionsOf(report.Kind)))
		require.Equal(t, bytes.Equal(good, content), report.Valid)
	})
}
