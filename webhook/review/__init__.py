"""The answer to an AdmissionReview: reading the request, deciding, and rendering the response."""
