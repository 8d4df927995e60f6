// Package bundle is the certificate bundle (전자증명서): a document, the original certificate (원본증명서) of the archive that keeps it
// and the distribution certificate (유통증명서) of the hub, in one container that its assembler signed and a time-stamping authority
// stamped, and that anybody can verify without asking the assembler (guide 5.1.2, 5.2.2 and 3.2; docs/bundle.md is the format
// for others).
//
// Making one has two steps. Prepare needs digests alone: it states what the bundle holds, signs the manifest, and has the
// signature and then everything stamped. Write then writes the container, once or as often as is wanted, always the same bytes.
//
// Verify judges a bundle against what the verifier trusts. It makes every check that can be made and tells of each whether it
// passed, failed or could not be made, and why; see Checks.
package bundle
