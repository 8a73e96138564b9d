"""Extinction of silver spheres and plates in water.

Notation: E photon energy in eV; k wavenumber in the medium in 1/nm; eps permittivity of silver, eps_m of the medium;
a half the diameter of an oblate spheroid, c half its thickness, in nm. Spectra are extinction cross-sections per volume
of silver, in 1/nm: what Beer's law multiplies with the amount of silver and the path.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.special import spherical_jn, spherical_yn

from models.surrogate import FloatArray

ComplexArray = npt.NDArray[np.complex128]

WATER = 1.333
"""Refractive index of the medium."""
_MULTIPOLES = 5
"""Of a sphere: what the sixth adds is below 1e-6 at diameters of 120 nm."""
_HC = 1239.84198
"""Planck's constant times the speed of light, in eV nm."""

# Photon energy in eV, n, k: Johnson and Christy, Phys. Rev. B 6, 4370 (1972), table I, silver.
_SILVER = np.array(
    [
        [0.64, 0.24, 14.08], [0.77, 0.15, 11.85], [0.89, 0.13, 10.10], [1.02, 0.09, 8.828], [1.14, 0.04, 7.795], [1.26, 0.04, 6.992],
        [1.39, 0.04, 6.312], [1.51, 0.04, 5.727], [1.64, 0.03, 5.242], [1.76, 0.04, 4.838], [1.88, 0.05, 4.483], [2.01, 0.06, 4.152],
        [2.13, 0.05, 3.858], [2.26, 0.06, 3.586], [2.38, 0.05, 3.324], [2.50, 0.05, 3.093], [2.63, 0.05, 2.869], [2.75, 0.04, 2.657],
        [2.88, 0.04, 2.462], [3.00, 0.05, 2.275], [3.12, 0.05, 2.070], [3.25, 0.05, 1.864], [3.37, 0.07, 1.657], [3.50, 0.10, 1.419],
        [3.62, 0.14, 1.142], [3.74, 0.17, 0.829], [3.87, 0.81, 0.392], [3.99, 1.13, 0.616], [4.12, 1.34, 0.964], [4.24, 1.39, 1.161],
    ]
)  # fmt: skip
_PLASMA, _DAMPING = 9.17, 0.0212
"""Of the free electrons, in eV: from the optical mass .96 and the relaxation time 31 fs of Johnson and Christy."""
_FERMI = 0.915
"""Planck's reduced constant times the Fermi velocity 1.39e6 m/s, in eV nm (Ashcroft and Mermin, Solid State Physics, table 2.1)."""


def permittivity(wavelength: FloatArray, path: FloatArray | float = np.inf) -> ComplexArray:
    """Permittivity of silver: Johnson and Christy's, with more damping where electrons meet the surface.

    Args:
        wavelength: In vacuum, in nm, 293 to 1900.
        path: Mean path of an electron to the surface in nm: 4 V / S for a convex particle of volume V and surface S
            (Coronado and Schatz, J. Chem. Phys. 119, 3926 (2003)); infinite in bulk. Broadcast against ``wavelength``.
    """
    E = _HC / wavelength
    index = CubicSpline(_SILVER[:, 0], _SILVER[:, 1] + 1j * _SILVER[:, 2])(E)
    free, confined = (_PLASMA**2 / (E * (E + 1j * damping)) for damping in (_DAMPING, _DAMPING + _FERMI / np.asarray(path)))
    return np.asarray(index**2 + free - confined)


def plates(wavelength: FloatArray, diameter: FloatArray, thickness: float) -> FloatArray:
    """Extinction per volume of randomly oriented oblate spheroids, shape (diameters, wavelengths), in 1/nm.

    Gans' theory with the modified long-wavelength approximation, that is, dynamic depolarization and radiation damping
    (Kelly, Coronado, Zhao and Schatz, J. Phys. Chem. B 107, 668 (2003), equations 6 to 9).

    Args:
        wavelength: In vacuum, in nm, shape (m,).
        diameter: In nm, shape (d,), above the thickness.
        thickness: In nm.
    """
    a, c = diameter[:, None] / 2, thickness / 2
    k, eps_m = 2 * np.pi * WATER / wavelength, WATER**2
    eps = permittivity(wavelength, _path(a, c))
    flat, upright = depolarization(a / c)
    third = a**2 * c / 3
    across, along = _polarizability(eps / eps_m, flat, third, a, k), _polarizability(eps / eps_m, upright, third, c, k)
    return np.asarray(4 * np.pi * k * np.imag(2 * across + along) / 3 / (4 * np.pi * third))


def depolarization(aspect: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Depolarization factors of an oblate spheroid across and along its axis (Bohren and Huffman, 1983, section 5.3).

    Args:
        aspect: Diameter over thickness, above 1.
    """
    g = np.sqrt(aspect**2 - 1)
    along = (1 + g**2) / g**3 * (g - np.arctan(g))
    return np.asarray((1 - along) / 2), np.asarray(along)


def _polarizability(ratio: ComplexArray, L: FloatArray, third: FloatArray, axis: FloatArray | float, k: FloatArray) -> ComplexArray:
    static = third * (ratio - 1) / (1 + L * (ratio - 1))
    return np.asarray(static / (1 - k**2 / axis * static - 2j / 3 * k**3 * static))


def _path(a: FloatArray, c: float) -> FloatArray:
    """4 V / S of oblate spheroids."""
    e = np.sqrt(1 - (c / a) ** 2)
    surface = 2 * np.pi * a**2 * (1 + (1 - e**2) / e * np.arctanh(e))
    return np.asarray(16 / 3 * np.pi * a**2 * c / surface)


def spheres(wavelength: FloatArray, diameter: FloatArray) -> FloatArray:
    """Extinction per volume of spheres, shape (diameters, wavelengths), in 1/nm, by Mie's theory.

    Source: Bohren and Huffman, Absorption and Scattering of Light by Small Particles (1983), equations 4.53 and 4.62.

    Args:
        wavelength: In vacuum, in nm, shape (m,).
        diameter: In nm, shape (d,), up to about the wavelength.
    """
    radius, k = diameter[:, None] / 2, 2 * np.pi * WATER / wavelength
    index = np.asarray(permittivity(wavelength, 4 * radius / 3) ** 0.5 / WATER, complex)
    total = np.sum([(2 * n + 1) * _mie(n, index, k * radius).real for n in range(1, _MULTIPOLES + 1)], axis=0)
    return np.asarray(2 * np.pi / k**2 * total / (4 / 3 * np.pi * radius**3))


def _mie(n: int, index: ComplexArray, x: FloatArray) -> ComplexArray:
    """Sum of the coefficients a_n and b_n of spheres of relative index and size parameter x."""
    inner, d_inner = _riccati(spherical_jn, n, index * x)
    psi, d_psi = _riccati(spherical_jn, n, x)
    chi, d_chi = _riccati(spherical_yn, n, x)
    xi, d_xi = psi + 1j * chi, d_psi + 1j * d_chi
    electric = (index * inner * d_psi - psi * d_inner) / (index * inner * d_xi - xi * d_inner)
    magnetic = (inner * d_psi - index * psi * d_inner) / (inner * d_xi - index * xi * d_inner)
    return np.asarray(electric + magnetic)


def _riccati(bessel: Callable[..., ComplexArray], n: int, z: ComplexArray | FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """The product z f(z), for a spherical Bessel function f of order n, and its derivative."""
    value = bessel(n, z)
    return z * value, value + z * bessel(n, z, derivative=True)
