package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// factsAbout decodes the facts of one kind that a unit stated and that are about something, oldest first.
func factsAbout[M proto.Message](t *testing.T, unit string, kind M, about func(fact M) bool) (found []M) {
	t.Helper()
	for _, event := range stack.Facts(t, unit, kind, "") {
		fact, ok := kind.ProtoReflect().New().Interface().(M)
		require.True(t, ok)
		require.NoError(t, proto.Unmarshal(event.GetPayload(), fact))
		if about(fact) {
			found = append(found, fact)
		}
	}
	return found
}

// receivedPushes are the first pushes under each number about a document.
func receivedPushes(t *testing.T, edocNum string) []*hubv1.HubPushReceived {
	t.Helper()
	return factsAbout(t, "hub", &hubv1.HubPushReceived{}, func(f *hubv1.HubPushReceived) bool { return f.GetEdocNum() == edocNum })
}

// awaitOutcomes waits until so many pushes about a document have come to an end, and returns how.
func awaitOutcomes(t *testing.T, edocNum string, n int) (outcomes []string) {
	t.Helper()
	await.Require(t, harness.Patience, func(context.Context) error {
		outcomes = nil
		for _, f := range factsAbout(t, "certificate", &certificatev1.PushSettled{}, func(f *certificatev1.PushSettled) bool { return f.GetEdocNum() == edocNum }) {
			outcomes = append(outcomes, f.GetOutcome())
		}
		if len(outcomes) < n {
			return fmt.Errorf("%d of %d pushes have an outcome: %v", len(outcomes), n, outcomes)
		}
		return nil
	})
	return outcomes
}

// pushScene is an institution with a document of its own at the hub, whose bundle it may have.
type pushScene struct {
	institution *harness.Institution
	document    *harness.Document
}

func newPushScene(t *testing.T) pushScene {
	t.Helper()
	institution, _ := stack.NewInstitution(t)
	member := stack.NewMember(t)
	document := institution.HandedOver(t, member.ByCI())
	institution.SendDocument(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	return pushScene{institution, document}
}

// bundle asks for the bundle of the document, and checks that it and its certificate were issued, once.
func (s pushScene) bundle(t *testing.T) (certNum string) {
	t.Helper()
	report := stack.VerifyBundle(t, stack.Bundle(t, s.institution.Caller, s.document.EdocNum))
	require.True(t, report.Valid, "%v", report)
	s.issuedOnce(t)
	return factsAbout(t, "certificate", &certificatev1.CertificateIssued{}, func(f *certificatev1.CertificateIssued) bool {
		return f.GetEdocNum() == s.document.EdocNum
	})[0].GetCertNum()
}

func (s pushScene) issuedOnce(t *testing.T) {
	t.Helper()
	number := s.document.EdocNum
	require.Len(t, factsAbout(t, "certificate", &certificatev1.CertificateIssued{}, func(f *certificatev1.CertificateIssued) bool { return f.GetEdocNum() == number }), 1)
	require.Len(t, factsAbout(t, "certificate", &certificatev1.BundleIssued{}, func(f *certificatev1.BundleIssued) bool { return f.GetEdocNum() == number }), 1)
	var list struct{ Bundles []struct{ State string } }
	s.institution.Do(t, http.MethodGet, "/v1/documents/"+number+"/bundles", nil).Into(t, &list)
	require.Len(t, list.Bundles, 1)
	require.Equal(t, "BUNDLE_STATE_ISSUED", list.Bundles[0].State)
	require.Equal(t, 1, timelineOf(t, s.institution, number)["naru.certificate.v1.CertificateIssued"])
}

func (s pushScene) misbehave(t *testing.T, sc scenario.Scenario) *harness.Misbehaviour {
	t.Helper()
	sc.Match.EdocNum = s.document.EdocNum
	return stack.Misbehave(t, sc)
}

// The hub pushes what it issues, and answers whoever asked: whichever comes first ends the request, the other changes nothing.
func TestHubPushesWhatItIssues(t *testing.T) {
	t.Parallel()
	s := newPushScene(t)
	issued := s.bundle(t)
	outcomes := awaitOutcomes(t, s.document.EdocNum, 1)
	require.Len(t, outcomes, 1)
	require.Contains(t, []string{"taken", "duplicate"}, outcomes[0])
	received := receivedPushes(t, s.document.EdocNum)
	require.Len(t, received, 1)
	require.Equal(t, []string{issued, s.institution.Address}, []string{received[0].GetCertNum(), received[0].GetAddress()})
	s.issuedOnce(t)
}

// A push that comes before any answer ends the request, and the bundle is made of it. What comes after it changes nothing.
func TestHubPushesBeforeItAnswers(t *testing.T) {
	t.Parallel()
	s := newPushScene(t)
	hub := s.misbehave(t, scenario.Scenario{Kind: scenario.PushOnly, Forever: true})
	issued := s.bundle(t)
	outcomes := awaitOutcomes(t, s.document.EdocNum, hub.Taken(t))
	require.Equal(t, "taken", outcomes[0])
	for _, late := range outcomes[1:] {
		require.Equal(t, "late", late)
	}
	received := receivedPushes(t, s.document.EdocNum)
	require.True(t, slices.ContainsFunc(received, func(f *hubv1.HubPushReceived) bool { return f.GetCertNum() == issued }))
	s.issuedOnce(t)
}

// The evidence of a bundle holds the push that gave its certificate, and proves it, in place of an answer.
func TestEvidenceOfAPushedCertificate(t *testing.T) {
	t.Parallel()
	s := newPushScene(t)
	s.misbehave(t, scenario.Scenario{Kind: scenario.PushOnly, Forever: true})
	requireEvidence(t, stack.Evidence(t, s.institution.Caller, s.document.EdocNum), 7)
	require.Equal(t, "taken", awaitOutcomes(t, s.document.EdocNum, 1)[0])
	s.issuedOnce(t)
}

// The hub issued a certificate and gave no answer, so it was asked again and issued another one. When it pushes the first
// at last, the request has ended.
func TestHubPushesTooLate(t *testing.T) {
	t.Parallel()
	s := newPushScene(t)
	s.misbehave(t, scenario.Scenario{Kind: scenario.PushLate, Delay: scenario.Delay(5 * time.Second)})
	s.misbehave(t, scenario.Scenario{Kind: scenario.PushOnly})
	issued := s.bundle(t)
	outcomes := awaitOutcomes(t, s.document.EdocNum, 2)
	slices.Sort(outcomes)
	require.Contains(t, [][]string{{"duplicate", "late"}, {"late", "taken"}}, outcomes)
	received := receivedPushes(t, s.document.EdocNum)
	require.Len(t, received, 2)
	require.Equal(t, issued, received[0].GetCertNum())
	require.NotEqual(t, issued, received[1].GetCertNum())
	s.issuedOnce(t)
}

// What the hub pushes again, signed anew or as the very same bytes, is kept and changes nothing.
func TestHubPushesTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind scenario.Kind
		// sameNonce: it was not signed again.
		sameNonce bool
	}{"twice": {scenario.PushTwice, false}, "replayed": {scenario.PushReplayed, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPushScene(t)
			s.misbehave(t, scenario.Scenario{Kind: c.kind})
			issued := s.bundle(t)
			var repeated []*hubv1.HubPushRepeated
			await.Require(t, harness.Patience, func() bool {
				repeated = factsAbout(t, "hub", &hubv1.HubPushRepeated{}, func(f *hubv1.HubPushRepeated) bool { return f.GetCertNum() == issued })
				return len(repeated) == 1
			})
			received := receivedPushes(t, s.document.EdocNum)
			require.Len(t, received, 1)
			require.True(t, repeated[0].GetSame())
			require.Equal(t, received[0].GetPdfDigest(), repeated[0].GetPdfDigest())
			require.Equal(t, c.sameNonce, received[0].GetNonce() == repeated[0].GetNonce())
			require.Len(t, awaitOutcomes(t, s.document.EdocNum, 1), 1)
			s.issuedOnce(t)
		})
	}
}

// A push for somebody who did not ask, or about a document of another relay, is kept, comes to nothing, and hinders nobody.
func TestHubPushesForSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    scenario.Kind
		edocNum func(own string) string
	}{
		"a foreign applicant": {scenario.PushForeign, func(own string) string { return own }},
		"a foreign document":  {scenario.PushOtherDocument, func(string) string { return "20260302_PEER000001_0000000000001" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPushScene(t)
			s.misbehave(t, scenario.Scenario{Kind: c.kind})
			s.misbehave(t, scenario.Scenario{Kind: scenario.PushOnly}) // so that its number is nobody's
			issued := s.bundle(t)
			about := c.edocNum(s.document.EdocNum)
			await.Require(t, harness.Patience, func() bool {
				return slices.Contains(awaitOutcomes(t, about, 1), "no_request")
			})
			require.True(t, slices.ContainsFunc(receivedPushes(t, about), func(f *hubv1.HubPushReceived) bool { return f.GetCertNum() != issued }))
			s.issuedOnce(t)
		})
	}
}

// A push that is not the hub's, was signed too long ago, or is for another relay is refused, stated, and kept nowhere.
func TestForgedPushes(t *testing.T) {
	for _, c := range []struct {
		check string
		how   scenario.Scenario
	}{
		{"forged", scenario.Scenario{Kind: scenario.PushForged}},
		{"age", scenario.Scenario{Kind: scenario.PushStale, Delay: scenario.Delay(6 * time.Minute)}},
		{"audience", scenario.Scenario{Kind: scenario.PushOtherRelay}},
	} {
		t.Run(c.check, func(t *testing.T) {
			t.Parallel()
			refused := func() int {
				return len(factsAbout(t, "hub", &hubv1.HubPushRefused{}, func(f *hubv1.HubPushRefused) bool { return f.GetCheck() == c.check }))
			}
			s, before := newPushScene(t), refused()
			s.misbehave(t, c.how)
			s.bundle(t)
			await.Require(t, harness.Patience, func() bool { return refused() == before+1 })
			require.Empty(t, receivedPushes(t, s.document.EdocNum))
			s.issuedOnce(t)
		})
	}
}
