"""Silver nanoparticles: their optics, the rules by which they grow, and a virtual lab that makes and measures them."""
