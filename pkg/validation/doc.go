// Package validation makes validation reports (검증보고서) of what pkg/bundle found: a PDF in plain Korean and English for a court or
// an office, with the report for machines (naru-validation/1) as its attachment report.json, under one signature with a
// time stamp (PAdES B-T, pkg/pades). It says who verified what, when, by which evidence, and what came of each check.
//
// A report is worth the trust in whoever signed it. Who can verifies the bundle again.
package validation
