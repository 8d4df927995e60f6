package authn

import (
	"slices"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The issuers of this relay.
const (
	// IssuerGateway mints for senders, agents, viewing systems and the operator.
	IssuerGateway = "naru-gateway"
	// IssuerViewing mints for recipients.
	IssuerViewing = "naru-viewing"
)

// Audience is the aud of every access token of this relay.
const Audience = "naru"

// The scopes. Which RPC wants which stands in the RPCs' access option.
const (
	ScopeDocumentsSend = "documents.send"
	ScopeDocumentsRead = "documents.read"
	ScopeCertificates  = "certificates"
	ScopeViewingVerify = "viewing.verify"
	ScopeViewingReport = "viewing.report"
	ScopeAdmin         = "admin"
)

// Scopes is the table of what each kind of principal may hold at most, sorted. A recipient's session holds all of its kind.
func Scopes(kind platformv1.PrincipalKind) []string {
	switch kind {
	case platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT:
		return []string{ScopeCertificates, ScopeDocumentsRead, ScopeDocumentsSend}
	case platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM:
		return []string{ScopeViewingReport, ScopeViewingVerify}
	case platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT:
		return []string{ScopeCertificates}
	case platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN:
		return []string{ScopeAdmin}
	case platformv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED:
		return nil
	default:
		return nil
	}
}

// KindsOf are the kinds an issuer of this relay may speak for; none for an unknown issuer.
func KindsOf(issuer string) []platformv1.PrincipalKind {
	switch issuer {
	case IssuerGateway:
		return []platformv1.PrincipalKind{
			platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT,
			platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN,
		}
	case IssuerViewing:
		return []platformv1.PrincipalKind{platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT}
	default:
		return nil
	}
}

// kindName is the value of the claim kind.
func kindName(kind platformv1.PrincipalKind) string {
	switch kind {
	case platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER:
		return "sender"
	case platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT:
		return "agent"
	case platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM:
		return "viewing_system"
	case platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT:
		return "recipient"
	case platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN:
		return "admin"
	case platformv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED:
		return ""
	default:
		return ""
	}
}

// kindOf finds the kind among those permitted, by its claim.
func kindOf(name string, permitted []platformv1.PrincipalKind) (platformv1.PrincipalKind, bool) {
	i := slices.IndexFunc(permitted, func(k platformv1.PrincipalKind) bool { return kindName(k) == name && name != "" })
	if i < 0 {
		return platformv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED, false
	}
	return permitted[i], true
}
