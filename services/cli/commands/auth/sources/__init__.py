"""Files from which users are taken over, each read row by row, as what `AdoptUsers` takes."""
