"""Reports: verdicts and behaviours as text, HTML, JUnit XML and ITF."""
