"""AdmissionReview in, AdmissionReview out: the request, what is decided about it, and the response."""
