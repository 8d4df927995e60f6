package allinone

import (
	"fmt"
	"strings"

	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// Greeting says where the relay is, and how to send a document with curl, grpcurl and naru send. A test runs the printed
// commands.
func (r *Relay) Greeting() string {
	e := r.Endpoints
	var b strings.Builder
	if r.units == nil && e.Demo == nil {
		fmt.Fprintf(&b, "All of Naru but its units is running (sandbox, 시험용: nothing here is certified or legally effective). This process keeps the\n"+
			"database, the bus and the sandbox. The units are yours to run, with PATH=$PWD/bin:$PATH and what is in %s:\n\n", r.folder.path("config"))
		for _, command := range r.apart() {
			fmt.Fprintf(&b, "  # %s\n%s\n\n", command.Name, indent(command.Shell))
		}
		fmt.Fprintf(&b, "Stop with Ctrl-C, the units first.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "Naru is running (sandbox, 시험용: nothing here is certified or legally effective).\n\n")
	fmt.Fprintf(&b, "  pages    %s  (sign in, inbox, sending; your browser warns of the sandbox's certificate)\n  REST     %s\n  gRPC     %s\n"+
		"  ops      %s  (/livez /readyz /metrics)\n  hub push %s  (the sandbox hub pushes certificates there)\n"+
		"  files    %s\n\n", e.Web, e.REST, e.GRPC, e.Ops, e.HubPush, r.folder.path(endpoints.FileName))
	if e.Demo == nil {
		fmt.Fprintf(&b, "narud -seed makes what is needed to send a document. Stop with Ctrl-C.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "Send the prepared document (registered at the archive, stored at the viewing system), with PATH=$PWD/bin:$PWD/.tools:$PATH:\n\n")
	for _, command := range r.Commands() {
		fmt.Fprintf(&b, "  # %s\n%s\n\n", command.Name, indent(command.Shell))
	}
	fmt.Fprintf(&b, "Stop with Ctrl-C.\n")
	return b.String()
}

// Command is one way to send, as a shell command.
type Command struct{ Name, Shell string }

// apart are the steps from here to a whole relay where the units run as processes of their own.
func (r *Relay) apart() []Command {
	config := quoted(r.folder.path("config"))
	unit := fmt.Sprintf("$unit -platform %[1]s/$unit.platform.yaml -config %[1]s/$unit.yaml", config)
	return []Command{
		{"once, and again after each new version", "for unit in $(naru units); do " + unit + " -migrate || break; done"},
		{"the units", "for unit in $(naru units); do " + unit + " & done; wait"},
		{"then", fmt.Sprintf("curl -sf %s/.well-known/naru/intake/jwks.json && naru limits --endpoints %s", r.Endpoints.REST, quoted(r.folder.path(endpoints.FileName)))},
	}
}

// quoted is a text as one word of a shell.
func quoted(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:=@", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Commands are the ways to send that Greeting prints.
func (r *Relay) Commands() []Command {
	e := r.Endpoints
	if e.Demo == nil {
		return nil
	}
	token := fmt.Sprintf(`TOKEN=$(curl -sf -u "$(sed -n 's/.*"clientId": "\(.*\)".*/\1/p' %[1]s):$(sed -n 's/.*"clientSecret": "\(.*\)".*/\1/p' %[1]s)" \
  -d grant_type=client_credentials %[2]s/oauth2/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')`, e.Demo.Institution, e.REST)
	return []Command{
		{"curl", token + fmt.Sprintf("\ncurl -sf -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  -d %s %s/v1/documents", quoted("@"+e.Demo.Request), e.REST)},
		{"grpcurl", token + fmt.Sprintf("\ngrpcurl -plaintext -H \"Authorization: Bearer $TOKEN\" -d @ %s naru.intake.v1.IntakeService/Send < %s", e.GRPC, quoted(e.Demo.RequestGRPC))},
		{"naru send", fmt.Sprintf("naru send --endpoints %s --credentials %s --doc %s --to-ci-file %s --title '시험용 안내문'", quoted(r.folder.path(endpoints.FileName)),
			quoted(e.Demo.Institution), quoted(e.Demo.Document), quoted(e.Demo.RecipientCI))},
	}
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
