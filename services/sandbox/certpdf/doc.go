// Package certpdf draws and signs the sandbox hub's distribution certificates (유통증명서).
//
// A certificate is a PDF in Korean with the content groups of Decree article 2-5 ②, a machine-readable copy as the attachment
// circulation.json, and one PAdES signature (pkg/pades) over the whole file including the attachment. Every page says
// 시험용 in its banner and across the page. No agency is named, and no seal or logo is shown.
//
// The same content, chain and time give the same bytes, except for the signature's value (ECDSA is randomised).
package certpdf
