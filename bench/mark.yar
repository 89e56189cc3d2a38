/* What files that the bench plants have. */
rule mark
{
	meta:
		score = 80
	strings:
		$m = "MOLEHUNT-TEST-MARK"
	condition:
		$m
}
