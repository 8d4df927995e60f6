package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// rules is the content of deploy/observability/alerts.yaml.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         config.Duration   `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

var (
	metricName = regexp.MustCompile(`\b(naru|db)_[a-z_]+`)
	restCall   = regexp.MustCompile("`((?:GET|POST|PUT|DELETE) /v1/[^` ]+)`")
)

const runbooks = "../deploy/runbooks"

// Every metric that an alert or a runbook names is exposed by the relay, every alert has a runbook, and every call that a runbook
// names exists.
func TestAlertsAndRunbooks(t *testing.T) {
	t.Parallel()
	var loaded rules
	require.NoError(t, config.Load("../deploy/observability/alerts.yaml", &loaded))
	alerts := map[string]rule{}
	for _, group := range loaded.Groups {
		for _, r := range group.Rules {
			require.NotEmpty(t, r.Expr, r.Alert)
			require.NotContains(t, alerts, r.Alert)
			require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.Equal(t, "deploy/runbooks/"+r.Alert+".md", r.Annotations["runbook"])
			require.NotEmpty(t, metricName.FindString(r.Expr), r.Alert)
			alerts[r.Alert] = r
		}
	}
	require.NotEmpty(t, alerts)
	pages := readPages(t)
	named := map[string][]string{}
	for name, page := range pages {
		for _, metric := range metricName.FindAllString(page, -1) {
			named[metric] = append(named[metric], name)
		}
	}
	for name, r := range alerts {
		require.Contains(t, pages, name, "an alert without a page")
		for _, metric := range metricName.FindAllString(r.Expr, -1) {
			require.Contains(t, pages[name], metric, "the page does not tell what its alert looks at")
		}
	}
	access, err := os.ReadFile("../docs/access.md")
	require.NoError(t, err)
	for name, page := range pages {
		_, alert := alerts[name]
		require.NotEqual(t, alert, strings.Contains(page, "There is no metric for this"), name)
		for _, heading := range []string{"## Meaning\n", "## Impact\n", "## Check\n", "## Act\n"} {
			require.Equal(t, 1, strings.Count(page, heading), "%s: %s", name, heading)
		}
		for _, call := range restCall.FindAllStringSubmatch(page, -1) {
			require.Contains(t, string(access), "`"+call[1]+"`", name)
		}
	}
	requireShown(t, named)
}

// readPages reads all runbooks except the index.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	require.NoError(t, err)
	pages := map[string]string{}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".md"); name != "README" {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(raw), "# "+name+"\n"), file)
			pages[name] = string(raw)
		}
	}
	return pages
}

// requireShown makes the counters of a document's ordinary course count once, and waits until all named metrics are exposed.
func requireShown(t *testing.T, named map[string][]string) {
	t.Helper()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	certificateOf(t, institution, document, "시험")
	stranger := institution.NewDocument(t, map[string]any{"person": map[string]string{"name": "김없음", "birthDate": "19010101", "phone": "01099999999"}})
	institution.Send(t, stranger)
	require.NotEqual(t, http.StatusOK, stack.Anonymous().Do(t, http.MethodGet, "/v1/documents", nil).Status)

	// A healthy relay does not expose counters that only failures increase. Their instruments are looked up in the source
	// instead.
	troubles := map[string]string{
		"naru_journal_publish_failures_total": "naru.journal.publish.failures", "naru_circulation_unopened_titles_total": "naru.circulation.unopened.titles",
		"naru_intake_refused_items_total": "naru.intake.refused.items", "naru_journal_refused_frames_total": "naru.journal.refused.frames",
		"naru_journal_unknown_keys_total":  "naru.journal.unknown.keys",
		"naru_pg_failures_total":           "naru.pg.failures",
		"naru_content_damaged_files_total": "naru.content.damaged.files", "naru_content_missing_files_total": "naru.content.missing.files",
		"naru_certificate_bundles_total": "naru.certificate.bundles", "naru_certificate_renewals_total": "naru.certificate.renewals",
		"naru_archive_attempts_total": "naru.archive.attempts", "naru_archive_doubled_total": "naru.archive.doubled",
		"naru_inbox_forged_frames_total": "naru.inbox.forged.frames", "naru_inbox_panics_total": "naru.inbox.panics", "naru_task_panics_total": "naru.task.panics",
	}
	await.Require(t, harness.Patience, func(context.Context) error {
		shown := scrape(t)
		var missing []string
		for metric, pages := range named {
			if !shown[metric] && troubles[metric] == "" {
				missing = append(missing, metric+" of "+strings.Join(pages, ", "))
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("not shown: %s", strings.Join(missing, "; "))
		}
		return nil
	})
	for metric, instrument := range troubles {
		require.Contains(t, named, metric)
		unit := strings.Split(instrument, ".")[1]
		require.True(t, inSource(t, instrument, "../pkg/"+unit, "../services/"+unit, "../pkg/unit"), instrument)
	}
}

// scrape returns the names of the metrics of all processes.
func scrape(t *testing.T) map[string]bool {
	t.Helper()
	doors := []string{stack.Endpoints.Ops}
	if len(stack.Endpoints.Units) > 0 {
		doors = nil
		for _, door := range stack.Endpoints.Units {
			doors = append(doors, door)
		}
	}
	shown := map[string]bool{}
	for _, door := range doors {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door+"/metrics", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 3 && fields[1] == "TYPE" {
				shown[fields[2]] = true
			}
		}
		require.NoError(t, response.Body.Close())
	}
	return shown
}

func inSource(t *testing.T, instrument string, folders ...string) bool {
	t.Helper()
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			if strings.Contains(string(raw), `"`+instrument+`"`) {
				return true
			}
		}
	}
	return false
}
